//! `Kept`: what planning has worked out of a command line and would work out again at each step. It is no part of the command: whoever
//! takes it out has to see that it still holds, and comes to the same without it.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// One value of any type; a copy of the command line begins without.
#[derive(Default)]
pub struct Kept(RefCell<Option<Rc<dyn Any>>>);

impl Kept {
    /// What was kept, if it is of this type.
    pub fn get<T: 'static>(&self) -> Option<Rc<T>> {
        self.0.borrow().clone()?.downcast().ok()
    }

    /// Takes the place of what was kept before.
    pub fn keep<T: 'static>(&self, value: Rc<T>) {
        *self.0.borrow_mut() = Some(value);
    }
}

impl Clone for Kept {
    fn clone(&self) -> Kept {
        Kept::default()
    }
}

impl PartialEq for Kept {
    fn eq(&self, _: &Kept) -> bool {
        true
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Kept")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_type_and_not_copied() {
        let kept = Kept::default();
        kept.keep(Rc::new(7_u32));
        assert_eq!((kept.get::<u32>().as_deref(), kept.get::<u64>()), (Some(&7), None));
        assert_eq!(kept.clone().get::<u32>(), None);
    }
}

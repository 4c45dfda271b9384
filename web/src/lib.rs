//! The playground. Its modules come in with the session driver.

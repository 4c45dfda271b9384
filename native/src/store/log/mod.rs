//! A container's log, in the format of Docker's json-file driver.

//! The runner with the real terraform and with fakes of it: `terraform_data` needs no provider, so nothing is downloaded.

mod fakes;
mod figures;
mod orphans;
mod real;
mod support;

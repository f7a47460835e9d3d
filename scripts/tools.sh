# Read by the scripts beside it: what has to be installed, and what to do where it is not. POSIX sh.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

# Says what is missing and what would help, and ends.
missing() {
  printf 'kaas: %s\n      %s\n' "$1" "$2" >&2
  exit 1
}

step() {
  printf '\n== %s\n' "$1"
}

need_cargo() {
  command -v cargo >/dev/null 2>&1 ||
    missing 'cargo is not on the PATH.' "Rust $(rust_version) or newer is needed: https://rustup.rs"
}

# The oldest Rust that builds kaas, as Cargo.toml says.
rust_version() {
  sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml
}

# The local forge merges trees without a checkout, which git learnt in 2.38.
need_git() {
  command -v git >/dev/null 2>&1 || missing 'git is not on the PATH.' 'git 2.38 or newer is needed: https://git-scm.com/downloads'
  has=$(git version | sed 's/[^0-9]*\([0-9]*\.[0-9]*\).*/\1/')
  if [ "${has%%.*}" -lt 2 ] || { [ "${has%%.*}" -eq 2 ] && [ "${has#*.}" -lt 38 ]; }; then
    missing "git $has is too old." 'git 2.38 or newer is needed: https://git-scm.com/downloads'
  fi
}

# Where only OpenTofu is installed, the tests find it under terraform's name.
need_terraform() {
  if command -v terraform >/dev/null 2>&1; then return; fi
  tofu=$(command -v tofu) ||
    missing 'Neither terraform nor tofu is on the PATH.' \
      'terraform 1.5 or newer (https://developer.hashicorp.com/terraform/install) or OpenTofu 1.6 or newer (https://opentofu.org/docs/intro/install) is needed.'
  mkdir -p target/tools/tofu
  ln -sf "$tofu" target/tools/tofu/terraform
  PATH="$root/target/tools/tofu:$PATH"
  export PATH
}

# The folder that holds registry.terraform.io/hashicorp/aws, where this machine has one: tests that need that provider then download nothing.
find_provider_mirror() {
  if [ -n "${KAAS_PROVIDER_MIRROR:-}" ]; then
    [ -d "$KAAS_PROVIDER_MIRROR" ] || missing "KAAS_PROVIDER_MIRROR is $KAAS_PROVIDER_MIRROR, which is no folder." 'Unset it, or name a terraform filesystem mirror.'
    return
  fi
  for place in "${HOME:-/nonexistent}/.terraform.d" "${HOME:-/nonexistent}/.local/share" /usr/local/share /usr/share/terraform /opt; do
    for folder in "$place" "$place"/* "$place"/*/*; do
      if [ -d "$folder/registry.terraform.io/hashicorp/aws" ]; then
        KAAS_PROVIDER_MIRROR=$folder
        export KAAS_PROVIDER_MIRROR
        return
      fi
    done
  done
}

terraform {
  # The state describes an emulator on this machine, and lives and dies with it.
  backend "local" {}
}

"""The command `sftunnel-installer`: picks this device's bundle, verifies it, drives install.sh."""

"""`python -m sftunnel_builder`: the same as the command sftunnel-bundler."""

from sftunnel_builder.cli import main

main()

"""`sftunnel-bundler demo`: the whole journey on made-up appliances."""


def demo() -> None:
    """Show the whole journey."""

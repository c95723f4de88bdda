"""Build signed bundles that renew the sftunnel certificates of one device each."""

__version__ = "0.1.0"

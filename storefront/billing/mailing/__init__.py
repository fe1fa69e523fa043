"""Sending the mails that were written down: claimed one by one, and only what is still true."""

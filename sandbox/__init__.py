"""A bank to practise with: a separate program that knows only what a VietQR code says."""

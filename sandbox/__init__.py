"""A bank to practise with: accounts, payers, callbacks and statements, and every way they go wrong.

It is a service of its own that knows nothing of the one it serves: it reads VietQR codes and
speaks the protocols of real banks and gateways. No money here is real.
"""

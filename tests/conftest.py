"""What holds for all tests."""

import signal

# A shell starts what runs in its background with interrupts ignored, and every child would inherit that: the tests
# that interrupt one are about the child.
signal.signal(signal.SIGINT, signal.default_int_handler)

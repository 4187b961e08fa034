"""What a cold start does without: looking for garbage while modules are imported.

Nothing of them is garbage, and all of them stay. To look through them again and again takes a tenth of a start, and
once more a part of the first call. A handler imports this before the rest of xmlift, as the alphabet has it.
"""

import gc

gc.disable()


def over() -> None:
    """Collect garbage from now on, but not among what has been imported. A handler's last line."""
    gc.freeze()
    gc.enable()

"""What GPUs and MIG instances are called in sentences and requests."""


def gpu_number(index: int, instance: int | None) -> int | str:
    """A GPU's number, or that of a MIG instance with its GPU's before it: `3:0`."""
    return index if instance is None else f"{index}:{instance}"

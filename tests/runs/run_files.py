"""What runs are compared by."""

TIMED = ("seconds", "processor_seconds")


def files(run):
    """All that a run left, but what tells of time."""
    found = {}
    for store in run.stores:
        state = store.load(run.config["experiment"])
        state.pop("seconds")
        found[store.folder.name] = (
            {name: value.numpy().tobytes() for name, value in state.items()},
            store.snapshots_path.read_bytes(),
            store.samples_path.read_bytes(),
            [{k: v for k, v in line.items() if k not in TIMED} for line in store.stats()],
        )
    return found

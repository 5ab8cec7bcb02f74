"""What `lanherd snapshots` prints as JSON; see `shapes`."""

from lanherd_client.cli.shapes import Object
from lanherd_client.mirror import MachineView
from lanherd_protocol.snapshot_messages import SnapshotsCollected, SnapshotsVerified, SnapshotView


def snapshot_shape(machine: MachineView, view: SnapshotView) -> Object:
    """A snapshot on a machine; times are Unix seconds."""
    return {
        "snapshot": view.snapshot,
        "machine": machine.machine,
        "machine_name": machine.name,
        "project": view.project,
        "files": view.files,
        "bytes_total": view.bytes_total,
        "created_at": view.created_at,
        "used_at": view.used_at,
        "runs": view.runs,
        "pinned": view.pinned,
        "pin_note": view.pin_note,
    }


def verified_shape(machine: MachineView, done: SnapshotsVerified) -> Object:
    return {
        "machine": machine.machine,
        "machine_name": machine.name,
        "blobs": done.blobs,
        "bytes_read": done.bytes_read,
        "damaged_blobs": done.damaged_blobs,
        "damaged_snapshots": [*done.damaged_snapshots],
    }


def collected_shape(machine: MachineView, done: SnapshotsCollected, dry_run: bool) -> Object:
    return {
        "machine": machine.machine,
        "machine_name": machine.name,
        "dry_run": dry_run,
        "snapshots": done.snapshots,
        "blobs": done.blobs,
        "bytes_freed": done.bytes_freed,
    }

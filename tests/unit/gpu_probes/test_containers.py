import pytest

from lanherd_agent.gpu.containers import attempt_of, container_of

ID = "0123456789ab" + "cdef" * 13
SHORT = ID[:12]


@pytest.mark.parametrize(
    ("cgroup", "container"),
    [
        ("0::/", None),
        ("", None),
        ("0::/user.slice/user-1000.slice/session-3.scope", None),
        ("0::/system.slice/lanherd.service/lanherd-runs/r.1", None),
        (f"0::/system.slice/docker-{ID}.scope", SHORT),
        (f"12:memory:/docker/{ID}\n0::/docker/{ID}", SHORT),
        (f"0::/machine.slice/libpod-{ID}.scope/container", SHORT),
        (
            f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope",
            SHORT,
        ),
        (f"0::/libpod_parent/libpod-{ID}", SHORT),
        (f"0::/system.slice/nerdctl-{ID}.scope", SHORT),
        (f"0::/k8s.io/{ID}", SHORT),
        (
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/"
            f"cri-containerd-{ID}.scope",
            SHORT,
        ),
        (f"4:pids:/kubepods/besteffort/pod0a-1b/{ID}", SHORT),
        (f"0::/kubepods.slice/kubepods-pod1.slice/crio-{ID}.scope", SHORT),
        # A container in a container: the inner one is whom the process belongs to.
        (f"0::/docker/{'f' * 64}/docker/{ID}", SHORT),
        ("0::/lxc.payload.trainer/init.scope", "trainer"),
        ("9:cpu:/lxc.payload/trainer", "trainer"),
        ("9:cpu:/lxc/trainer/user.slice", "trainer"),
        (r"0::/machine.slice/machine-lab\x2dbox.scope/payload", "lab-box"),
        ("0::/machine.slice/systemd-nspawn@lab.service/payload", "lab"),
        ("a line that makes no sense", None),
    ],
)
def test_containers_are_told_by_their_cgroup(cgroup: str, container: str | None) -> None:
    assert container_of(cgroup) == container


@pytest.mark.parametrize(
    ("cgroup", "attempt"),
    [
        ("0::/system.slice/lanherd.service/lanherd-runs/0189-a.12", ("0189-a", 12)),
        ("1:cpu:/\n0::/x/lanherd-runs/0189-a.2/deeper", ("0189-a", 2)),
        ("0::/x/lanherd-runs/probe/77", None),
        ("0::/x/not-lanherd-runs/0189-a.2", None),
        ("0::/x/lanherd-runs/0189-a.2b", None),
        ("", None),
    ],
)
def test_attempts_are_told_by_their_cgroup(cgroup: str, attempt: tuple[str, int] | None) -> None:
    assert attempt_of(cgroup) == attempt

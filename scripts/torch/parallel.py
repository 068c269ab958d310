"""The processes of a run, as torchrun started them, and how the model is spread over them.

A global batch is split over the processes and the gradient is the sum over all, so that one process and many learn the same up to
rounding.
"""
import contextlib
import os

import torch
import torch.distributed as dist


class Team:
    """This process among the others. Without torchrun there is one."""

    def __init__(self, threads=0):
        self.rank = int(os.environ.get("RANK", 0))
        self.size = int(os.environ.get("WORLD_SIZE", 1))
        self.local_rank = int(os.environ.get("LOCAL_RANK", 0))
        beside = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        if torch.cuda.is_available():
            self.device = torch.device("cuda", self.local_rank)
            torch.cuda.set_device(self.device)
            torch.set_float32_matmul_precision("high")
        else:
            self.device = torch.device("cpu")
            torch.set_num_threads(threads or max(1, len(os.sched_getaffinity(0)) // beside))
        if self.size > 1:
            # Small numbers that steer the run go over gloo: a GPU never waits for them.
            dist.init_process_group("cpu:gloo,cuda:nccl" if self.device.type == "cuda" else "gloo")

    @property
    def leads(self):
        """Whether this is the process that writes."""
        return self.rank == 0

    def sums(self, *values):
        """The sum of each value over all processes."""
        return self._reduced(values, dist.ReduceOp.SUM if self.size > 1 else None)

    def most(self, *values):
        """The largest of each value over all processes."""
        return self._reduced(values, dist.ReduceOp.MAX if self.size > 1 else None)

    def _reduced(self, values, operation):
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(tensor, operation)
        return tensor.tolist()

    def same(self, value):
        """The leader's value, on every process."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def close(self):
        """Leaves the others."""
        if self.size > 1:
            dist.destroy_process_group()


class Replicated:
    """DDP: every process has the whole base; gradients are summed while the backward pass goes on."""

    def __init__(self, loss, team):
        self.loss, self.scale, self.module = loss, 1, loss
        if team.size > 1:
            devices = [team.local_rank] if team.device.type == "cuda" else None
            self.module = torch.nn.parallel.DistributedDataParallel(
                loss, device_ids=devices, broadcast_buffers=False, init_sync=False)
            self.scale = team.size  # DDP gives the mean

    def waiting(self):
        """A context in which gradients are only collected, not exchanged."""
        return self.module.no_sync() if self.scale > 1 else contextlib.nullcontext()

    def exchange(self, parameters):
        """DDP has done it."""


class Sharded:
    """FSDP: each process keeps its part of the base and gathers a layer when it is needed. The factors are small: they are whole
    everywhere, and their gradients are summed once a step."""

    def __init__(self, loss, team):
        from torch.distributed.fsdp import fully_shard

        trained = {parameter for parameter in loss.parameters() if parameter.requires_grad}
        for layer in loss.model.get_base_model().get_decoder().layers:
            fully_shard(layer, ignored_params=trained)
        fully_shard(loss, ignored_params=trained)
        self.loss, self.module, self.scale = loss, loss, 1

    def waiting(self):
        """Nothing is exchanged before `exchange`."""
        return contextlib.nullcontext()

    def exchange(self, parameters):
        """Sums the gradients over the processes."""
        flat = torch.cat([parameter.grad.reshape(-1) for parameter in parameters])
        dist.all_reduce(flat)
        start = 0
        for parameter in parameters:
            parameter.grad.copy_(flat[start:start + parameter.numel()].view_as(parameter))
            start += parameter.numel()


def spread(loss, team, sharding):
    """`loss`, a module, over the team's processes."""
    return Sharded(loss, team) if sharding == "fsdp" and team.size > 1 else Replicated(loss, team)

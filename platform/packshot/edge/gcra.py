"""The limiter's arithmetic: GCRA over several buckets at once, in Valkey and in this process.

The generic cell rate algorithm keeps one number per bucket, the time at which it is whole again
(https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm). A request passes when every bucket it
names has room, and only then is any of them charged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from packshot.edge.limits import Charge, Decision, Policy, tightest

# One call decides a whole batch of requests, in order. ARGV[1] holds for each request the number
# of its buckets, then burst, rate per second and cost of each; KEYS are the buckets in that order.
# Each bucket answers four numbers: allowed, remaining, ms to whole, ms to wait; all in one text,
# which is read in one piece. The server's clock is used: API processes cannot disagree on it.
SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local numbers = {}
for word in string.gmatch(ARGV[1], '%S+') do numbers[#numbers + 1] = tonumber(word) end
local answers, key, at = {}, 1, 1
while at <= #numbers do
  local buckets = numbers[at]
  at = at + 1
  local times, allowed = {}, true
  for i = 1, buckets do
    local burst, rate, cost = numbers[at], numbers[at + 1], numbers[at + 2]
    at = at + 3
    local each = 1000.0 / rate
    local whole = tonumber(redis.call('GET', KEYS[key + i - 1]) or now)
    if whole < now then whole = now end
    local wait = whole + each * cost - each * burst - now
    if wait > 0 then allowed = false end
    times[i] = {whole, each, cost, burst, wait}
  end
  for i = 1, buckets do
    local whole, each, cost, burst, wait = unpack(times[i])
    if allowed and cost > 0 then
      whole = whole + each * cost
      local until_whole = math.ceil(whole - now)
      redis.call('SET', KEYS[key + i - 1], string.format('%.3f', whole), 'PX', until_whole)
    end
    answers[#answers + 1] = wait > 0 and 0 or 1
    answers[#answers + 1] = math.max(0, math.floor(burst - (whole - now) / each + 1e-6))
    answers[#answers + 1] = math.ceil(whole - now)
    answers[#answers + 1] = wait > 0 and math.ceil(wait) or 0
  end
  key = key + buckets
end
return table.concat(answers, ' ')
"""
NUMBERS_PER_BUCKET = 4
PRUNE_ABOVE = 10_000


def script_arguments(batch: Sequence[Sequence[Charge]]) -> tuple[list[str], str]:
    """KEYS and the one ARGV of a call that decides the batch, one request after the other."""
    keys: list[str] = []
    numbers: list[str] = []
    for charges in batch:
        numbers.append(str(len(charges)))
        for charge in charges:
            keys.append(charge.bucket)
            numbers.append(f"{charge.policy.burst} {charge.policy.per_second} {charge.cost}")
    return keys, " ".join(numbers)


def read_answers(batch: Sequence[Sequence[Charge]], text: bytes) -> list[Decision]:
    """The script's numbers as one decision per request of the batch."""
    answers = [int(number) for number in text.split()]
    decisions: list[Decision] = []
    at = 0
    for charges in batch:
        of_buckets = []
        for charge in charges:
            allowed, remaining, whole_ms, wait_ms = answers[at : at + NUMBERS_PER_BUCKET]
            of_buckets.append(
                Decision(charge.policy, bool(allowed), remaining, whole_ms / 1000, wait_ms / 1000)
            )
            at += NUMBERS_PER_BUCKET
        decisions.append(of_buckets[0] if len(of_buckets) == 1 else tightest(of_buckets))
    return decisions


@dataclass(slots=True)
class LocalBuckets:
    """The same algorithm in this process's memory, for the time that Valkey is away.

    Each of the ``processes`` that serve the API admits its share of burst and rate, so the bound
    holds for all of them together, but for one request each where a burst is smaller than they are
    many. A request that is heavier than the share of a burst passes when the bucket is whole.
    """

    whole_at_s: dict[str, float]
    processes: int = 1

    def take(self, charges: Sequence[Charge], *, now_s: float) -> Decision:
        """Decide one request at ``now_s`` of any monotonic clock."""
        if len(self.whole_at_s) > PRUNE_ABOVE:
            self.whole_at_s = {k: at for k, at in self.whole_at_s.items() if at > now_s}
        wholes = [max(now_s, self.whole_at_s.get(charge.bucket, now_s)) for charge in charges]
        shares = [self._share(charge) for charge in charges]
        waits = [
            whole + (share.cost - share.burst) / share.per_second - now_s
            for share, whole in zip(shares, wholes, strict=True)
        ]
        if all(wait <= 0 for wait in waits):
            for place, (charge, share) in enumerate(zip(charges, shares, strict=True)):
                wholes[place] += share.cost / share.per_second
                self.whole_at_s[charge.bucket] = wholes[place]
        return tightest(
            [
                _decision(share, whole - now_s, wait)
                for share, whole, wait in zip(shares, wholes, waits, strict=True)
            ]
        )

    def _share(self, charge: Charge) -> "_Share":
        policy = charge.policy
        burst = max(1.0, policy.burst / self.processes)
        rate = policy.per_second / self.processes
        return _Share(policy, burst, rate, min(charge.cost, burst))


@dataclass(frozen=True, slots=True)
class _Share:
    """One process's part of a bucket, and what a request costs it."""

    policy: Policy
    burst: float
    per_second: float
    cost: float


def _decision(share: _Share, until_whole_s: float, wait_s: float) -> Decision:
    remaining = floor(share.burst - until_whole_s * share.per_second + 1e-6)
    return Decision(share.policy, wait_s <= 0, max(0, remaining), until_whole_s, max(0.0, wait_s))

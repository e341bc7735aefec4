"""Closed forms and small chains of queueing theory, each from its textbook definition; nothing here knows the simulator.

Rates are per second, times in seconds; `servers` is c, `offered` is lambda / mu.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def erlang_b(servers: int, offered: float) -> float:
    """Probability of loss of M/G/c/c (Erlang 1917), by its recursion."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = offered * blocked / (k + offered * blocked)
    return blocked


def erlang_c_wait(servers: int, arrival_rate: float, service_rate: float) -> float:
    """Mean wait in the queue of M/M/c."""
    offered = arrival_rate / service_rate
    blocked = erlang_b(servers, offered)
    delayed = blocked / (1 - offered / servers * (1 - blocked))
    return delayed / (servers * service_rate - arrival_rate)


def pollaczek_khinchine(arrival_rate: float, mean_s: float, mean_square: float) -> float:
    """Mean wait in the queue of M/G/1."""
    return arrival_rate * mean_square / (2 * (1 - arrival_rate * mean_s))


def setup_wait(arrival_rate: float, setup_mean_s: float, setup_mean_square: float) -> float:
    """What set-up times at the start of busy periods add to the mean wait of M/G/1 (Welch 1964)."""
    return (2 * setup_mean_s + arrival_rate * setup_mean_square) / (2 * (1 + arrival_rate * setup_mean_s))


def finite_queue_loss(servers: int, places: int, offered: float) -> float:
    """Probability that M/M/c/K is full (K places, those in service included)."""
    weights = [1.0]
    for k in range(1, places + 1):
        weights.append(weights[-1] * offered / min(k, servers))
    return weights[-1] / sum(weights)


def closed_throughput(customers: int, servers: int, think_s: float, service_s: float) -> float:
    """Customers served a second in the closed M/M/c//N (machine repair: N machines that run for an exponential time, c repairers)."""
    weights = [1.0]
    for k in range(customers):
        weights.append(weights[-1] * ((customers - k) / think_s) / (min(k + 1, servers) / service_s))
    return sum(weight * min(k, servers) for k, weight in enumerate(weights)) / service_s / sum(weights)


def engset_loss(sources: int, lines: int, offered: float) -> float:
    """Share of the calls of N sources that find all lines taken (Engset 1918); `offered` is the mean call over the mean idle time."""
    weights = [1.0]
    for k in range(lines):
        weights.append(weights[-1] * (sources - 1 - k) * offered / (k + 1))
    return weights[-1] / sum(weights)


def constant_service_loss(places: int, offered: float) -> float:
    """Loss of M/D/1/K, from the chain of numbers left behind at departures (K places, the one in service included)."""
    arrivals = [math.exp(-offered) * offered**n / math.factorial(n) for n in range(places)]
    chain = np.zeros((places, places))
    for left in range(places):
        present = max(left, 1) - 1
        for n in range(places - 1 - present):
            chain[left, present + n] = arrivals[n]
        chain[left, places - 1] = 1 - chain[left, : places - 1].sum()
    return 1 - 1 / (stationary(chain)[0] + offered)


def stationary(chain: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The stationary distribution of a transition matrix."""
    size = len(chain)
    equations = np.vstack([chain.T - np.eye(size), np.ones(size)])
    return np.asarray(np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0])


def window_loss(limit: int, mean: float) -> float:
    """Share refused when each window takes the first `limit` of a Poisson number of requests with this mean."""
    weights = [math.exp(-mean + n * math.log(mean) - math.lgamma(n + 1)) for n in range(limit)]
    taken = sum(n * weight for n, weight in enumerate(weights)) + limit * (1 - sum(weights))
    return 1 - taken / mean


def abandonment(servers: int, arrival_rate: float, service_rate: float, patience_s: float) -> float:
    """Share that leaves M/M/c with constant patience unserved (Baccelli and Hebuterne 1981; Zeltyn and Mandelbaum 2005, section 3)."""
    offered, drift = arrival_rate / service_rate, arrival_rate - servers * service_rate
    low = sum(offered**k / math.factorial(k) for k in range(servers)) / (offered ** (servers - 1) / math.factorial(servers - 1))
    grown = math.exp(drift * patience_s)
    high = (grown - 1) / drift + grown / (servers * service_rate)
    return (1 + drift * high) / (low + arrival_rate * high)


def modulated_wait(rates: tuple[float, float], switching: tuple[float, float], service_rate: float) -> float:
    """Mean wait in the queue of MMPP/M/1 with two phases, by the rate matrix R of the quasi-birth-death process (Neuts 1981)."""
    up = np.diag(rates)
    phases = np.array([[-switching[0], switching[0]], [switching[1], -switching[1]]])
    down = service_rate * np.eye(2)
    same = phases - up - down
    R = np.zeros((2, 2))
    for _ in range(100_000):
        following = -(up + R @ R @ down) @ np.linalg.inv(same)
        if np.abs(following - R).max() < 1e-15:
            break
        R = following
    balance = (phases - up + R @ down).T
    rest = np.linalg.inv(np.eye(2) - R)
    equations = np.vstack([balance[0], rest @ np.ones(2)])
    empty = np.linalg.solve(equations, np.array([0.0, 1.0]))
    mean_number = float(empty @ R @ rest @ rest @ np.ones(2))
    phase = np.array([switching[1], switching[0]]) / sum(switching)
    arrival_rate = float(phase @ np.array(rates))
    return mean_number / arrival_rate - 1 / service_rate


def stepwise_sojourn(servers: int, arrival_rate: float, step_s: float, ending: float) -> float:
    """Mean time in a system that serves up to c customers in common steps; a customer served leaves at a step's end with probability `ending`.

    The number at the starts of steps is a Markov chain: binomial departures, Poisson arrivals; an empty system waits for the next arrival.
    The mean number over time divided by the arrival rate is the mean time (Little).
    """
    most = 400
    arrivals = [math.exp(-arrival_rate * step_s + n * math.log(arrival_rate * step_s) - math.lgamma(n + 1)) for n in range(60)]
    chain = np.zeros((most + 1, most + 1))
    for number in range(1, most + 1):
        served = min(number, servers)
        for left in range(served + 1):
            leaving = math.comb(served, left) * ending**left * (1 - ending) ** (served - left)
            for n, probability in enumerate(arrivals):
                following = min(number - left + n, most)
                chain[number, max(following, 1)] += leaving * probability
                chain[number, 0] += leaving * probability * (following == 0)
    empties, chain = chain[1:, 0].copy(), chain[1:, 1:]
    at_start = stationary(chain)
    numbers = np.arange(1, most + 1)
    area = float(at_start @ (numbers + arrival_rate * step_s / 2)) * step_s
    return area / (step_s + float(at_start @ empties) / arrival_rate) / arrival_rate

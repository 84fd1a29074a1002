"""Compiled code: addresses in, addresses out.

A kernel is a C function ``void task(task, tasks, arguments)`` compiled by Numba;
:mod:`qd8.kernels.launch` runs it over threads. Nothing here validates: the public
operators have done so before an address is taken.
"""

"""A model as data, and what is done with it.

build       a graph from a file, every operator understood, every shape proven
precision   the pass that decides what runs in int8 and what is float16
passes/     what may run as one node, without a bit changed
arena, plan where activations live; weights packed and calls bound, once
run, model  one run; the interface
inspect, profile, table   what a model consists of and where its time goes
operators/  one record for each kind of operator
"""

"""`make bench-models`: whole models beside LiteRT, as tables, JSON and bar charts.

`files` finds or makes the files, `engines` loads them, `turns` times all engines of a
model in one process, `alone` one engine in a process of its own (memory, load time,
and models that do not fit beside each other), `report` and `picture` show it.
"""

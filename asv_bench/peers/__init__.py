"""qd8 beside other engines, in one process, on the layers of the suite.

`engine` says what an engine is, a file each builds one, `table` lists them; `measure`
takes turns, `port_limit` calibrates, `report` prints, writes and draws.
"""

"""Streams: rows scored by a model as SQL, measured in windows, each batch one transaction.

A batch owns a range of offsets. It commits the rows, the windows, the offsets and what it did in one transaction of Postgres, so
that the database alone knows how far a stream has got. Spark keeps no checkpoint and no state.
"""

"""Changes: a model that learns from the changes of a database's tables while it answers.

Debezium turns the changes into events on topics. A learner is sufficient statistics of a few rows and an update; its state is
plain numbers. A batch commits the state, the offsets, the predictions and the measured error in one transaction of Postgres, with
the fencing of a stream (`landfall.streams`).
"""

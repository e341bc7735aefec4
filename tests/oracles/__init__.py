"""Second implementations of docs/engine.md: slow, plain and obviously right; the engine must agree with them event for event.

replica: one replica, step by step. api: the limiter laws over their whole history. pool: replicas and their lives. system: the whole
run, one object a request. clients: closed loops. autoscalers: the scaling laws over their whole history. queues: the
join-the-shortest-queue model.
Nothing here imports the engine; only its inputs, the row format of its log and its random numbers.
"""

"""Sends a Spark Connect server a query that takes one task, using its protocol alone.

Spark's own client would take 150 MB and 2 s of CPU; this is a single gRPC call in the process that asks.
Protocol: `spark.connect.SparkConnectService.ExecutePlan`, spark/connect/base.proto of Spark 4.0.
"""

import uuid

QUERY = "SELECT count(*) FROM range(0, 10, 1, 1)"
"""The driver alone answers a plan without a table; this query is a job with a task."""


class SparkProbe:
    """Asks again and again in one session: a new session for each query would cost the server ten times as much.

    Args:
        port: The server's port on 127.0.0.1.
        token: The token that the server demands.
    """

    def __init__(self, port: int, token: str) -> None:
        self.port, self._token, self._session = port, token, str(uuid.uuid4())

    def ask(self, *, seconds: float) -> str | None:
        """None if the server answered `QUERY` within `seconds`; else what came back."""
        # Not at the top of the file: it takes 40 MB, which only the process that watches Spark needs.
        import grpc
        from pyspark.sql.connect import proto

        query = proto.Plan(root=proto.Relation(sql=proto.SQL(query=QUERY)))
        user = proto.UserContext(user_id="landfall-probe")
        request = proto.ExecutePlanRequest(session_id=self._session, user_context=user, plan=query)
        metadata = [("authorization", f"Bearer {self._token}")]
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            server = proto.SparkConnectServiceStub(channel)
            try:
                for _ in server.ExecutePlan(request, timeout=seconds, metadata=metadata):
                    pass
            except grpc.RpcError as error:
                reason = error.code().name if isinstance(error, grpc.Call) else str(error)
                return f"`{QUERY}` at sc://127.0.0.1:{self.port}, within {seconds:.0f} s: {reason}"
        return None

"""Speaks Spark's own RPC to ports, as somebody without its secret: `python spark_stranger.py PORT...`.

For each port it says `reached` where it gets through to the endpoint that every Spark driver has, else `refused` and
Spark's reason. It needs nothing but pyspark and Java, and no right that the port itself does not ask for.
"""

import sys

from py4j.protocol import Py4JJavaError
from pyspark import SparkConf, SparkContext

CONF = {
    "spark.master": "local[1]",
    "spark.app.name": "stranger",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.rpc.askTimeout": "20s",
    "spark.rpc.lookupTimeout": "20s",
}


def main(ports: list[int]) -> None:
    """One line a port."""
    with SparkContext(conf=SparkConf().setAll(list(CONF.items()))) as own:
        jvm = own._jvm
        for port in ports:
            address = jvm.org.apache.spark.rpc.RpcAddress("127.0.0.1", port)
            try:
                jvm.org.apache.spark.SparkEnv.get().rpcEnv().setupEndpointRef(address, "HeartbeatReceiver")
            except Py4JJavaError as error:
                cause = error.java_exception
                while cause.getCause() is not None:
                    cause = cause.getCause()
                print(f"refused: {cause.toString().splitlines()[0]}", flush=True)
            else:
                print("reached", flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])

"""Make the landing bucket if it is not there. Run once by docker-compose, and harmless when run again."""

import boto3

from landfall.spec import Settings


def main() -> None:
    """Make the bucket that the settings name."""
    s3 = Settings.read().s3
    client = boto3.client("s3", endpoint_url=s3.endpoint or None, region_name=s3.region)
    if s3.bucket in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        print(f"the bucket `{s3.bucket}` is there")
        return
    client.create_bucket(Bucket=s3.bucket)
    print(f"made the bucket `{s3.bucket}`")


if __name__ == "__main__":
    main()

"""The local server, over real HTTP: boto3 and the AWS CLI against a child process."""

"""What one would use instead: each peer a folder with its script and its requirements.

A script is called with the file to send and the service's URL, and prints as its last line the
seconds that it worked (imports left out). All make requests of the same 100 endpoints by boto3.
"""

"""What a script of ours would replace: boto3 reads every integration and writes it as JSON or CSV.

usage: boto.py json|csv > FILE
"""

import csv
import json
import sys

import boto3


def main():
    form = sys.argv[1]
    pages = boto3.client("redshift").get_paginator("describe_integrations").paginate()
    rows = (row for page in pages for row in page["Integrations"])
    if form == "json":
        json.dump(list(rows), sys.stdout, default=str)
    else:
        writer = csv.DictWriter(sys.stdout, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({name: flat(value) for name, value in row.items()} for row in rows)



COLUMNS = [
    "IntegrationArn",
    "IntegrationName",
    "SourceArn",
    "TargetArn",
    "Status",
    "Errors",
    "CreateTime",
    "Description",
    "KMSKeyId",
    "AdditionalEncryptionContext",
    "Tags",
]


def flat(value):
    return json.dumps(value) if isinstance(value, (list, dict)) else value


if __name__ == "__main__":
    main()

import os


def handler(event, context):
    """Counts the rows of uploaded files."""
    return {"records": len(event.get("Records", [])), "parts": os.environ["PARTS"]}

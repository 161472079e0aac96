#!/bin/sh
# A worker that would take orders from its queue.
while true; do
  echo "looking for orders in $QUEUE_URL"
  sleep 60
done

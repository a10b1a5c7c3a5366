"""What was sent, what is asked for next, and the state that remembers both.

cursor.AsanaCursor       the one cursor class, composed of
sending.Sender           sends a record if its fingerprint is new, and enters it in the ledger
strategies, partial      which slices a sync has: saves requests, decides nothing else
missing.MissingRecords   what is missing, and what Asana is asked about
cursor.StreamState       loads and makes the state of a stream
states.Emission          when a state is printed
states.States            how large all of them may be

What decides is in `core`: ledger, listings, versions, missing.
"""

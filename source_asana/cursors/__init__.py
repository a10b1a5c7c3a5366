"""What was sent, what is asked for next, and the state that remembers both.

cursor.AsanaCursor   the one cursor class, composed of
ledger.Ledger        what was sent: key, home, tag       (the truth)
sending.Sender       sends a record if its tag is new    (the three rules)
policies / token     which slices a sync has             (saves requests, decides nothing else)
parts                bounds, gates, the rolling pass     (what policies remember)
states.States        when a state is printed, and how large all of them may be
"""

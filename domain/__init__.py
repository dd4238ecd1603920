"""The dictionary of the house: one noun, one word, everywhere.

organization  the tenant: it owns keys, jobs, outputs, and one gapless log of events
key           an API key; never a token
job           one piece of image work, now or later; it ends with outputs or with a problem
publish       an output brought to a listing of a shop, or an earlier publish taken back
output        a finished picture with its recipe, hashes and engine
recipe        everything that decides an output's pixels, and nothing else
event         a past fact of one aggregate; its topic (``job.succeeded.v1``) is a contract for ever
position      the number of an event in its organization's log, from 1, without gaps
head          the position and chain hash of the newest event of an organization
actor         who did it: a key, a user, or the system
problem       an error as a client reads it: application/problem+json
"""

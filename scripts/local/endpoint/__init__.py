"""An XML endpoint for the local cloud: EWM's Reportable REST over made-up work items, and recorded files.

| path | what |
|---|---|
| `/ccm/rpt/repository/workitem` | EWM Reportable REST, behind a Jazz form login (`etl`, `etl-password`) |
| `/stats/eurofxref/*.xml` | recorded reference rates of the ECB, if the data folder has them |
| `/jazz/oslc/*.xml` | recorded OSLC-CM 1.0 answers of an EWM server, if the data folder has them |
| `/_endpoint/…` | the controls: no login, and no faults ever |

The controls:

- `GET status`: `{"families": [..], "items": n, "now": time, "requests": {path: count}, "faults": [..]}`
- `GET items`: the truth, see below
- `GET states?first=n`: the same for every state that a work item ever had, in order, from the n-th on
- `POST advance {"change": 200, "create": 20}`: changes and creates work items, stamped now;
  answers `{"changed": [ids], "created": [ids], "now": time}`
- `POST expire {"sessions": true, "queries": true}`: ends every login and forgets every paging token
- `POST faults {"path": "/ccm/rpt", "kind": "status", "times": 2, "after": 1, ..}` or a list of such:
  see `faults.Fault`; answers all that are pending. `DELETE faults` clears them.

The truth is a JSON array of all work items, ordered by id, with every field of `workitem.WORK_ITEM`:
texts as strings, integers and booleans as such (durations in milliseconds, -1 where not set, as EWM has it),
times in UTC with milliseconds (`2024-03-01T16:00:00.123Z`), tags as an array of strings, nested records as
objects, repeated ones (`comments`, `subscriptions`, `allExtensions`, `children`) as arrays in the order of
the answer. null is a null field: an empty element in XML. There are no empty strings.
"""

"""An XML endpoint for the local cloud: servers of many kinds over the same made-up work items, and recorded files.

| path | what | login |
|---|---|---|
| `/ccm/rpt/repository/…` | EWM's Reportable REST | Jazz form |
| `/rm/publish/…`, `/rm/process/project-areas` | DOORS Next's Reportable REST | Jazz form |
| `/qm/service/com.ibm.rqm.integration.service.IIntegrationService/…` | ETM's Atom feeds | Jazz form |
| `/cqweb/oslc/repo/…/db/…/query` | OSLC 2, RDF/XML | application password |
| `/jazz/oslc/contexts/…/workitems`, `/jazz/oslc/projectareas` | OSLC-CM 1.0 | none |
| `/oai` | OAI-PMH: an exclusive token, deleted records | none |
| `/arxiv/query` | offset and total, times in brackets | none |
| `/rss/items.xml` | one answer, ETag and Last-Modified | none |
| `/netsuite/services` | a search by POST, then its pages by number | bearer `etl-token` |
| `/odata/WorkItems` | next links, then a delta link with tombstones | OAuth 2: `/oauth2/token` |
| `/stats/eurofxref/*.xml` | recorded reference rates of the ECB, if the data folder has them | none |
| `/jazz/oslc/*.xml` | recorded OSLC-CM 1.0 answers of an EWM server, if the data folder has them | none |
| `/_endpoint/…` | the controls: no faults ever | none |

User and password are `etl` and `etl-password`; OAuth's client `etl-client` with `etl-client-secret`.

The controls:

- `GET status`: `{"families": [..], "items": n, "now": time, "requests": {path: count}, "refused": {path: count},
  "faults": [..]}`
- `GET items`: the truth, see below
- `GET states?first=n`: the same for every state that a work item ever had, in order, from the n-th on
- `POST advance {"change": 200, "create": 20, "delete": 5}`: changes, creates and deletes work items, stamped now;
  answers `{"changed": [ids], "created": [ids], "deleted": [ids], "now": time}`
- `POST project_areas {"add": name, "remove": name}`: a project area more, or one less with all of its work items
- `POST paces [{"path": "/arxiv", "requests": 3, "seconds": 1}]`: at most so many requests in any so many seconds,
  else 429 with Retry-After, counted as `refused`
- `POST expire {"sessions": true, "queries": true}`: ends every login and forgets every paging token
- `POST faults {"path": "/ccm/rpt", "kind": "status", "times": 2, "after": 1, ..}` or a list of such:
  see `faults.Fault`; answers all that are pending. `DELETE faults` clears them.

The truth is a JSON array of all work items, ordered by id, with every field of `workitem.WORK_ITEM`:
texts as strings, integers and booleans as such (durations in milliseconds, -1 where not set, as EWM has it),
times in UTC with milliseconds (`2024-03-01T16:00:00.123Z`), tags as an array of strings, nested records as
objects, repeated ones (`comments`, `subscriptions`, `allExtensions`, `children`) as arrays in the order of
the answer. null is a null field: an empty element in XML. There are no empty strings.
"""

// Package console owns the web pages for those whose question is not a workflow's:
// pipelines, runs and their decisions, models, endpoints with traffic, drift and
// alerts, labels, and the whole way of a prediction; and the door by which another
// scheduler asks for a run.
//
// Pages are drawn by the server from html/template; they need no script, load nothing
// from elsewhere and say in words what they draw. They only read. What changes
// something is told as the command to type, or goes through
// POST /pipelines/{name}/runs, which hands a trigger to the pipeline's Retraining
// workflow, so that storms, cool-down, budget and pause hold whoever asks.
//
// The console is a process of its own, `esteira console`, and not a part of the
// prediction server: it needs Temporal, and for days that have left Postgres the data
// engine, neither of which the server links. What is Temporal's reaches it as [Flows];
// without Temporal, or without the store, a page says what it cannot tell and shows
// the rest.
//
// Who may see what, where tokens are required: audit or deploy opens the pages and the
// JSON of runs; audit alone opens traces, which show what people sent, and reports,
// which show values of rows; deploy alone asks for runs. A scope of its own for looking
// would say nothing new: who deploys must see what there is to deploy, and who audits
// reads all. A token for one endpoint opens that endpoint's page, the traces of its
// predictions, and asks for runs of the pipelines that deploy to it; nothing else. A
// browser signs in with a token once and holds the name of a session; the token stays
// here, is asked about at every request, and so a revoked one is worthless at once.
//
// Facts are metadata's, plots and their look report's, tokens token's, how a trace
// reads trace's.
package console

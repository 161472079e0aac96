package asl

import "strings"

// taskEvents writes a Task state's events in the form that its kind of resource has: functions by ARN have a form of
// their own. Source: API Reference, "HistoryEvent", "TaskScheduledEventDetails", "LambdaFunctionScheduledEventDetails".
type taskEvents struct {
	visit    *visit
	prefix   string         // "Task" or "LambdaFunction"
	resource map[string]any // members of every event's details
	arn      string         // the function's
}

func (v *visit) events() taskEvents {
	parts := strings.SplitN(v.state.resource, ":", 6)
	if len(parts) == 6 && parts[2] == "lambda" {
		return taskEvents{visit: v, prefix: "LambdaFunction", arn: v.state.resource}
	}
	kind, action := "", v.state.resource
	if len(parts) == 6 {
		if found := strings.LastIndex(parts[5], ":"); found >= 0 {
			kind, action = parts[5][:found], parts[5][found+1:]
		}
	}
	return taskEvents{visit: v, prefix: "Task", resource: map[string]any{"resourceType": kind, "resource": action}}
}

func (e taskEvents) scheduled(arguments any, limit, heartbeat float64) {
	details := map[string]any{"parameters": Encode(arguments), "region": e.visit.x.Region}
	if e.prefix == "LambdaFunction" {
		details = map[string]any{"input": Encode(arguments), "resource": e.arn}
	}
	if limit > 0 {
		details["timeoutInSeconds"] = int64(limit)
	}
	if heartbeat > 0 && e.prefix == "Task" {
		details["heartbeatInSeconds"] = int64(heartbeat)
	}
	e.record("Scheduled", details)
}

// record adds "Started", "Submitted", "Succeeded" and so on.
func (e taskEvents) record(kind string, details map[string]any) {
	all := map[string]any{}
	for k, v := range e.resource {
		all[k] = v
	}
	for k, v := range details {
		all[k] = v
	}
	if len(all) == 0 {
		all = nil
	}
	e.visit.record(e.prefix+kind, all)
}

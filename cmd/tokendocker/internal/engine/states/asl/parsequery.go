package asl

import "fmt"

// jsonataName is the query language beside JSONPath.
const jsonataName = "JSONata"

// queries are the fields of a state that speaks JSONata; absent ones are nil.
type queries struct {
	arguments, output, assign       *query
	items, itemSelector, atOnce     *query // of a Map
	seconds, timestamp              *query // of a Wait
	timeoutSeconds, heartbeatSecond *query // of a Task
	errorName, cause                *query // of a Fail
}

// queryFields are the fields that each kind of state may have in JSONata.
//
//nolint:gochecknoglobals // a constant
var queryFields = map[string][]string{
	"Task":     {"Next", "End", "Arguments", "Output", "Assign", "Retry", "Catch", "Resource", "Credentials", "TimeoutSeconds", "HeartbeatSeconds"},
	"Pass":     {"Next", "End", "Output", "Assign"},
	"Choice":   {"Choices", "Default", "Output", "Assign"},
	"Wait":     {"Next", "End", "Seconds", "Timestamp", "Output", "Assign"},
	"Succeed":  {"Output"},
	"Fail":     {"Error", "Cause"},
	"Parallel": {"Next", "End", "Arguments", "Output", "Assign", "Retry", "Catch", "Branches"},
	"Map": {"Next", "End", "Items", "ItemSelector", "ItemProcessor", "MaxConcurrency", "Output", "Assign", "Retry", "Catch", "Label", "ItemReader",
		"ItemBatcher", "ResultWriter", "ToleratedFailureCount", "ToleratedFailurePercentage"},
}

// speaksJSONata tells a state's query language: the machine's, or JSONata where the machine's is JSONPath.
func (p *parser) speaksJSONata(fields map[string]any, at string) bool {
	own, given := fields["QueryLanguage"]
	switch {
	case !given:
	case own == jsonataName:
		return true
	case own != "JSONPath":
		p.schema(at+"/QueryLanguage", "Value is not valid")
	case p.jsonata:
		p.schema(at+"/QueryLanguage", "A state machine of JSONata has no states of JSONPath")
	}
	return p.jsonata
}

// query reads a field that may hold expressions; nil where it is absent.
func (o object) query(name string) *query {
	v, ok := o.fields[name]
	if !ok {
		return nil
	}
	return parseQuery(v, o.at+"/"+name, o.p.schema)
}

// checkNames refuses names that no variable may have.
func (o object) checkNames(names []string) {
	for _, name := range names {
		if variableName.FindString(name) != name || len(name) > maxName || name == "states" {
			o.p.schema(o.at+"/Assign/"+name, "The variable name is not valid")
		}
	}
}

// assignQuery and assignTemplate read Assign in either language.
func (o object) assignQuery() *query {
	q := o.query("Assign")
	if q != nil && q.kind != 'o' {
		o.p.schema(o.at+"/Assign", "Expected value of type Object")
	} else if q != nil {
		o.checkNames(sortedKeys(q.fields))
	}
	return q
}

func (o object) assignTemplate() *template {
	t := o.template("Assign")
	if t != nil && t.kind != 'o' {
		o.p.schema(o.at+"/Assign", "Expected value of type Object")
		return nil
	}
	o.checkNames(t.names())
	return t
}

// queried reads a state that speaks JSONata. What it shares with JSONPath is read by the caller.
func (p *parser) queried(o object, s *state) {
	q := &queries{output: o.query("Output"), assign: o.assignQuery()}
	s.queries = q
	switch s.kind {
	case "Task":
		s.resource = o.text("Resource", true)
		p.checkResource(o, s)
		q.arguments, q.timeoutSeconds, q.heartbeatSecond = o.query("Arguments"), o.query("TimeoutSeconds"), o.query("HeartbeatSeconds")
	case "Wait":
		if o.has("Seconds") == o.has("Timestamp") {
			p.schema(o.at, "One and only one of the fields must be present: [Seconds, Timestamp]")
		}
		q.seconds, q.timestamp = o.query("Seconds"), o.query("Timestamp")
	case "Fail":
		q.errorName, q.cause = o.query("Error"), o.query("Cause")
	case "Choice":
		s.defaultChoice = o.text("Default", false)
		for i, v := range o.list("Choices", true) {
			s.choices = append(s.choices, p.condition(v, fmt.Sprintf("%s/Choices[%d]", o.at, i)))
		}
	case "Parallel":
		q.arguments = o.query("Arguments")
		p.branches(o, s)
	case "Map":
		q.items, q.itemSelector, q.atOnce = o.query("Items"), o.query("ItemSelector"), o.query("MaxConcurrency")
		p.processor(o, s)
	}
}

// condition reads a choice rule of JSONata.
func (p *parser) condition(v any, at string) rule {
	o, ok := p.object(v, at, []string{"Condition", "Next", "Output", "Assign", "Comment"})
	if !ok {
		return rule{}
	}
	if !o.has("Condition") {
		p.schema(at, "These fields are required: [Condition]")
	}
	return rule{next: o.text("Next", true), condition: o.query("Condition"), output: o.query("Output"), assignQuery: o.assignQuery()}
}

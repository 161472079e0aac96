package asl

import (
	"fmt"
	"slices"
	"strings"
)

const forever = 99999999 // seconds, the longest time of the language

// fieldsOf are the fields that each kind of state may have beside those of every state.
//
//nolint:gochecknoglobals // a constant
var fieldsOf = map[string][]string{
	"Task": {"Assign", "Next", "End", "InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "Retry", "Catch", "Resource", "Credentials",
		"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"},
	"Pass":    {"Assign", "Next", "End", "InputPath", "OutputPath", "ResultPath", "Parameters", "Result"},
	"Choice":  {"Assign", "InputPath", "OutputPath", "Choices", "Default"},
	"Wait":    {"Assign", "Next", "End", "InputPath", "OutputPath", "Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
	"Succeed": {"InputPath", "OutputPath"},
	"Fail":    {"Error", "ErrorPath", "Cause", "CausePath"},
	"Parallel": {"Assign", "Next", "End", "InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "Retry", "Catch",
		"Branches"},
	"Map": {"Assign", "Next", "End", "InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "Retry", "Catch", "ItemsPath",
		"ItemSelector", "ItemProcessor", "Iterator", "MaxConcurrency", "MaxConcurrencyPath", "Label", "ItemReader", "ItemBatcher", "ResultWriter",
		"ToleratedFailureCount", "ToleratedFailureCountPath", "ToleratedFailurePercentage", "ToleratedFailurePercentagePath"},
}

// state reads one state.
func (p *parser) state(v any, at string) *state {
	m, ok := v.(map[string]any)
	if !ok {
		p.schema(at, "Expected value of type Object")
		return nil
	}
	kind, _ := m["Type"].(string)
	allowed, known := fieldsOf[kind]
	if !known {
		if m["Type"] == nil {
			p.schema(at, "These fields are required: [Type]")
		} else {
			p.schema(at+"/Type", "Value is not valid")
		}
		return nil
	}
	jsonata := p.speaksJSONata(m, at)
	if jsonata {
		allowed = queryFields[kind]
	}
	o, _ := p.object(v, at, append([]string{"Type", "Comment", "QueryLanguage"}, allowed...))
	s := &state{kind: kind}
	if slices.Contains(allowed, "Next") {
		s.next = o.text("Next", false)
		end, isBool := o.fields["End"].(bool)
		if o.has("End") && !isBool {
			p.schema(at+"/End", "Expected value of type Boolean")
		}
		if (s.next != "") == end {
			p.schema(at, "One and only one of the fields must be present: [Next, End]")
		}
	}
	if jsonata {
		p.queried(o, s)
	} else {
		p.paths(o, s)
		p.kinds(o, s)
	}
	p.retriers(o, s)
	p.catchers(o, s)
	return s
}

// paths reads the fields that every state of JSONPath may have.
func (p *parser) paths(o object, s *state) {
	s.inputPath, s.outputPath, s.resultPath = o.path("InputPath", root, false), o.path("OutputPath", root, false), o.path("ResultPath", root, true)
	s.parameters, s.selector, s.assign = o.template("Parameters"), o.template("ResultSelector"), o.assignTemplate()
	s.hasResult, s.result = o.has("Result"), o.fields["Result"]
	if s.resultPath != nil && s.resultPath.context {
		p.schema(o.at+"/ResultPath", "Value is not a Reference Path")
	}
}

// kinds reads the fields of the state's own kind.
func (p *parser) kinds(o object, s *state) {
	switch s.kind {
	case "Task":
		p.task(o, s)
	case "Choice":
		s.defaultChoice = o.text("Default", false)
		for i, v := range o.list("Choices", true) {
			s.choices = append(s.choices, p.rule(v, fmt.Sprintf("%s/Choices[%d]", o.at, i), true))
		}
	case "Wait":
		p.wait(o, s)
	case "Fail":
		s.errorName, s.cause = o.text("Error", false), o.text("Cause", false)
		s.errorFrom, s.causeFrom = p.expression(o, "ErrorPath"), p.expression(o, "CausePath")
	case "Parallel":
		p.branches(o, s)
	case "Map":
		p.mapState(o, s)
	}
}

func (p *parser) branches(o object, s *state) {
	for i, v := range o.list("Branches", true) {
		s.branches = append(s.branches, p.machine(v, fmt.Sprintf("%s/Branches[%d]", o.at, i), "StartAt", "States", "Comment"))
	}
}

func (p *parser) checkResource(o object, s *state) {
	if s.resource != "" && !strings.HasPrefix(s.resource, "arn:") {
		p.schema(o.at+"/Resource", "Value is not a valid resource ARN")
	}
}

func (p *parser) task(o object, s *state) {
	s.resource = o.text("Resource", true)
	p.checkResource(o, s)
	s.timeoutSeconds = o.whole("TimeoutSeconds", 0, 1, forever)
	s.timeoutPath = o.path("TimeoutSecondsPath", nil, true)
	s.heartbeatSeconds = o.whole("HeartbeatSeconds", 0, 1, forever)
	s.heartbeatPath = o.path("HeartbeatSecondsPath", nil, true)
	if o.has("TimeoutSeconds") && o.has("TimeoutSecondsPath") {
		p.schema(o.at, "Only one of the fields may be present: [TimeoutSeconds, TimeoutSecondsPath]")
	}
	if s.heartbeatSeconds > 0 && s.timeoutSeconds > 0 && s.heartbeatSeconds >= s.timeoutSeconds {
		p.schema(o.at, "HeartbeatSeconds must be smaller than TimeoutSeconds")
	}
}

func (p *parser) wait(o object, s *state) {
	count := 0
	for _, f := range []string{"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} {
		if o.has(f) {
			count++
		}
	}
	if count != 1 {
		p.schema(o.at, "One and only one of the fields must be present: [Seconds, SecondsPath, Timestamp, TimestampPath]")
	}
	s.seconds = o.whole("Seconds", 0, 0, forever)
	s.secondsPath, s.timestampPath = o.path("SecondsPath", nil, true), o.path("TimestampPath", nil, true)
	s.timestamp = o.text("Timestamp", false)
	if _, ok := timestamp(s.timestamp); o.has("Timestamp") && !ok {
		p.schema(o.at+"/Timestamp", "Value is not a valid ISO-8601 timestamp")
	}
}

func (p *parser) mapState(o object, s *state) {
	p.processor(o, s)
	s.itemsPath = o.path("ItemsPath", root, true)
	s.concurrency = int(o.whole("MaxConcurrency", 0, 0, forever))
	s.atOncePath = o.path("MaxConcurrencyPath", nil, true)
	if o.has("ItemSelector") {
		s.parameters = o.template("ItemSelector")
	}
}

// processor reads the machine that a Map runs for each item.
func (p *parser) processor(o object, s *state) {
	field := "ItemProcessor"
	if !o.has(field) {
		field = "Iterator"
	}
	if !o.has(field) {
		p.schema(o.at, "These fields are required: [ItemProcessor]")
		return
	}
	b := p.machine(o.fields[field], o.at+"/"+field, "StartAt", "States", "Comment", "ProcessorConfig")
	if processor, ok := o.fields[field].(map[string]any); ok && b != nil {
		config, _ := processor["ProcessorConfig"].(map[string]any)
		for _, field := range []string{"ItemReader", "ItemBatcher", "ResultWriter"} {
			b.unserved = b.unserved || config["Mode"] == "DISTRIBUTED" && o.has(field)
		}
	}
	s.branches = []*Machine{b}
}

func (p *parser) expression(o object, name string) *expression {
	text := o.text(name, false)
	if text == "" {
		return nil
	}
	x, err := parseExpression(text)
	if err != nil {
		p.schema(o.at+"/"+name, "Value is not a Reference Path or an intrinsic function")
	}
	return x
}

// rule reads a choice rule; only the top one says where to go.
func (p *parser) rule(v any, at string, top bool) rule {
	m, ok := v.(map[string]any)
	if !ok {
		p.schema(at, "Expected value of type Object")
		return rule{}
	}
	o := object{p, at, m}
	r := rule{}
	if top {
		r.next, r.assign = o.text("Next", true), o.assignTemplate()
	} else if o.has("Next") {
		p.schema(at+"/Next", "Field is not supported")
	}
	for _, name := range sortedKeys(m) {
		switch name {
		case "Next", "Comment", "Variable", "Assign":
		case "And", "Or":
			r.combine = name
			for i, e := range o.list(name, true) {
				r.rules = append(r.rules, p.rule(e, fmt.Sprintf("%s/%s[%d]", at, name, i), false))
			}
		case "Not":
			r.combine, r.rules = name, []rule{p.rule(m[name], at+"/"+name, false)}
		default:
			p.comparison(o, &r, name)
		}
	}
	if (r.combine == "") == (r.operator == "") {
		p.schema(at, "Exactly one comparison operator is required")
	}
	if r.combine == "" {
		o.text("Variable", true)
		if r.variable = o.path("Variable", nil, false); r.variable == nil {
			r.variable = root
		}
	}
	return r
}

func (p *parser) comparison(o object, r *rule, name string) {
	place := o.at + "/" + name
	operator, fromPath := strings.CutSuffix(name, "Path")
	kind, known := operators[operator]
	if !known || fromPath && (kind == 'i' || kind == 'm') {
		p.schema(place, "Field is not supported")
		return
	}
	if r.operator != "" {
		p.schema(o.at, "Exactly one comparison operator is required")
	}
	r.operator, r.operand = operator, o.fields[name]
	if fromPath {
		r.from = o.path(name, nil, false)
		return
	}
	ok := false
	switch kind {
	case 's', 'm':
		_, ok = r.operand.(string)
	case 'n':
		_, ok = float(r.operand)
	case 'b', 'i':
		_, ok = r.operand.(bool)
	case 't':
		_, ok = timestamp(r.operand)
	}
	if !ok {
		p.schema(place, "Value is not valid")
	}
}

// errorNames reads ErrorEquals. States.ALL stands alone, in the last entry of its list.
func (p *parser) errorNames(o object, last bool) []string {
	var names []string
	for i, v := range o.list("ErrorEquals", true) {
		name, ok := v.(string)
		if !ok {
			p.schema(fmt.Sprintf("%s/ErrorEquals[%d]", o.at, i), "Expected value of type String")
		}
		names = append(names, name)
	}
	if slices.Contains(names, ErrorAll) && (len(names) > 1 || !last) {
		p.schema(o.at+"/ErrorEquals", "States.ALL must appear alone and in the last entry")
	}
	return names
}

func (p *parser) retriers(o object, s *state) {
	list := o.list("Retry", false)
	for i, v := range list {
		r, ok := p.object(v, fmt.Sprintf("%s/Retry[%d]", o.at, i),
			[]string{"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"})
		if !ok {
			continue
		}
		jitter := r.text("JitterStrategy", false)
		if jitter != "" && jitter != "FULL" && jitter != "NONE" {
			p.schema(r.at+"/JitterStrategy", "Value is not valid")
		}
		s.retry = append(s.retry, retrier{errors: p.errorNames(r, i == len(list)-1),
			interval: r.whole("IntervalSeconds", 1, 1, forever), attempts: int(r.whole("MaxAttempts", 3, 0, forever)),
			rate: r.number("BackoffRate", 2, 1, forever), maxDelay: r.whole("MaxDelaySeconds", 0, 1, 31622400), fullJitter: jitter == "FULL"})
	}
}

func (p *parser) catchers(o object, s *state) {
	list := o.list("Catch", false)
	for i, v := range list {
		allowed := []string{"ErrorEquals", "ResultPath", "Next", "Comment", "Assign"}
		if s.queries != nil {
			allowed = []string{"ErrorEquals", "Output", "Next", "Comment", "Assign"}
		}
		c, ok := p.object(v, fmt.Sprintf("%s/Catch[%d]", o.at, i), allowed)
		if !ok {
			continue
		}
		made := catcher{errors: p.errorNames(c, i == len(list)-1), next: c.text("Next", true)}
		if s.queries != nil {
			made.output, made.assignQuery = c.query("Output"), c.assignQuery()
		} else {
			made.resultPath, made.assign = c.path("ResultPath", root, true), c.assignTemplate()
		}
		s.catch = append(s.catch, made)
	}
}

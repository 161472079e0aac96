package s3

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// servicePrincipal is whom destinations' policies name.
const servicePrincipal = "s3.amazonaws.com"

// notifications is a bucket's configuration of who hears of what happens in it.
// Source: Amazon S3 API Reference, PutBucketNotificationConfiguration.
type notifications struct {
	XMLName     xml.Name       `xml:"NotificationConfiguration"`
	Topics      []notification `xml:"TopicConfiguration"`
	Queues      []notification `xml:"QueueConfiguration"`
	Functions   []notification `xml:"CloudFunctionConfiguration"`
	EventBridge *struct{}      `xml:"EventBridgeConfiguration"`
}

// notification is one destination, and of what it hears.
type notification struct {
	ID       string   `xml:"Id"`
	Topic    string   `xml:",omitempty"`
	Queue    string   `xml:",omitempty"`
	Function string   `xml:"CloudFunction,omitempty"`
	Events   []string `xml:"Event"`
	Filter   *filter  `xml:",omitempty"`
}

type filter struct {
	Rules []filterRule `xml:"S3Key>FilterRule"`
}

type filterRule struct{ Name, Value string }

// kinds of events that a bucket can tell of, before the colon, and those that stand alone.
// Source: Amazon S3 User Guide, "Event notification types and destinations".
var eventKinds = []string{
	"s3:TestEvent", "s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload",
	"s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectRestore:*", "s3:ObjectRestore:Post",
	"s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete", "s3:ReducedRedundancyLostObject", "s3:Replication:*", "s3:Replication:OperationFailedReplication",
	"s3:Replication:OperationMissedThreshold", "s3:Replication:OperationReplicatedAfterThreshold", "s3:Replication:OperationNotTracked",
	"s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated", "s3:LifecycleTransition",
	"s3:IntelligentTiering", "s3:ObjectTagging:*", "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete", "s3:ObjectAcl:Put",
}

// checkNotifications is what S3 refuses, and the configuration as S3 keeps it: with an id for each destination. Functions
// must be there and let S3 invoke them for the bucket.
func (r *Room) checkNotifications(ctx context.Context, req *request, text string) (string, error) {
	n, err := readNotifications(text)
	if err != nil {
		return "", malformedXML()
	}
	b, err := r.bucket(req.bucket)
	if err == nil {
		err = r.validate(ctx, b, &n, req.http.Header.Get("X-Amz-Skip-Destination-Validation") == "true")
	}
	if err != nil {
		return "", err
	}
	return n.text()
}

func readNotifications(inner string) (n notifications, err error) {
	if inner == "" {
		return n, nil
	}
	return n, xml.Unmarshal([]byte("<NotificationConfiguration>"+inner+"</NotificationConfiguration>"), &n)
}

// text is the configuration as it is kept, without its root element.
func (n notifications) text() (string, error) {
	whole, err := xml.Marshal(n)
	inner := strings.TrimSuffix(strings.TrimPrefix(string(whole), "<NotificationConfiguration>"), "</NotificationConfiguration>")
	return inner, err
}

func (n *notifications) all() []*notification {
	var out []*notification
	for _, list := range [][]notification{n.Topics, n.Queues, n.Functions} {
		for i := range list {
			out = append(out, &list[i])
		}
	}
	return out
}

// validate checks a configuration, and gives ids to destinations that have none.
func (r *Room) validate(ctx context.Context, b bucket, n *notifications, skip bool) error {
	all := n.all()
	for i, one := range all {
		if err := one.check(); err != nil {
			return err
		}
		for _, other := range all[:i] {
			if err := one.overlaps(other); err != nil {
				return err
			}
		}
		if one.ID == "" {
			one.ID = protocol.NewID()
		}
	}
	for _, one := range n.Functions {
		if skip {
			break
		}
		if err := r.validateFunction(ctx, b, one.Function); err != nil {
			return err
		}
	}
	return nil
}

// check is what S3 refuses of one destination.
// Source: Amazon S3 User Guide, "Configuring event notifications using object key name filtering".
func (n *notification) check() error {
	if len(n.Events) == 0 || n.Topic+n.Queue+n.Function == "" {
		return malformedXML()
	}
	for _, e := range n.Events {
		if !slices.Contains(eventKinds, e) {
			return protocol.Errorf("InvalidArgument", "A specified event is not supported for notifications.")
		}
	}
	if n.Filter == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, rule := range n.Filter.Rules {
		name := strings.ToLower(rule.Name)
		switch {
		case name != "prefix" && name != "suffix":
			return protocol.Errorf("InvalidArgument", "filter rule name must be either prefix or suffix")
		case seen[name]:
			return protocol.Errorf("InvalidArgument", "Cannot specify more than one %s rule in a filter.", name)
		}
		seen[name] = true
	}
	return nil
}

// ends are what keys must begin and end with.
func (n *notification) ends() (prefix, suffix string) {
	if n.Filter == nil {
		return "", ""
	}
	for _, rule := range n.Filter.Rules {
		if strings.EqualFold(rule.Name, "prefix") {
			prefix = rule.Value
		} else {
			suffix = rule.Value
		}
	}
	return prefix, suffix
}

// overlaps refuses two destinations that would hear of one event.
// Source: Amazon S3 User Guide, "Configuring event notifications using object key name filtering", invalid
// configurations; aws/aws-cdk issues for the words.
func (n *notification) overlaps(other *notification) error {
	prefix, suffix := n.ends()
	otherPrefix, otherSuffix := other.ends()
	shared := slices.ContainsFunc(n.Events, func(a string) bool {
		return slices.ContainsFunc(other.Events, func(b string) bool { return covers(a, b) || covers(b, a) })
	})
	keys := (strings.HasPrefix(prefix, otherPrefix) || strings.HasPrefix(otherPrefix, prefix)) &&
		(strings.HasSuffix(suffix, otherSuffix) || strings.HasSuffix(otherSuffix, suffix))
	switch {
	case !shared || !keys:
		return nil
	case prefix+suffix+otherPrefix+otherSuffix == "":
		return protocol.Errorf("InvalidArgument", "Configurations overlap. Configurations on the same bucket cannot share a common event type.")
	}
	return protocol.Errorf("InvalidArgument", "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.")
}

// covers reports whether a kind of event, perhaps one that ends in an asterisk, has another one in it.
func covers(kind, event string) bool {
	all, wild := strings.CutSuffix(kind, "*")
	return kind == event || wild && strings.HasPrefix(event, all)
}

// hears reports whether a destination hears of an event about a key.
func (n *notification) hears(event, key string) bool {
	prefix, suffix := n.ends()
	return strings.HasPrefix(key, prefix) && strings.HasSuffix(key, suffix) &&
		slices.ContainsFunc(n.Events, func(kind string) bool { return covers(kind, "s3:"+event) })
}

// validateFunction asks Lambda whether S3 may invoke a function for a bucket.
// Source: Amazon S3 User Guide, "Granting permissions to publish event notification messages to a destination".
func (r *Room) validateFunction(ctx context.Context, b bucket, arn string) error {
	parts := strings.Split(arn, ":")
	switch {
	case len(parts) < 7 || parts[2] != "lambda":
		return protocol.Errorf("InvalidArgument", "The ARN is not well formed")
	case parts[3] != b.Region:
		return protocol.Errorf("InvalidArgument", "The notification destination service region is not valid for the bucket location constraint")
	}
	if err := r.invoke(ctx, b, arn, "DryRun", nil); err != nil {
		return &protocol.Error{Code: "InvalidArgument", Message: "Unable to validate the following destination configurations", Hint: fmt.Sprintf(
			"let the policy of %s allow lambda:InvokeFunction to %s for %s", arn, servicePrincipal, r.arn(b.Name))}
	}
	return nil
}

// invoke calls a function for a bucket.
func (r *Room) invoke(ctx context.Context, b bucket, arn, kind string, payload any) error {
	as := &session.Session{Account: b.Owner, Service: servicePrincipal, ARN: servicePrincipal, SourceARN: r.arn(b.Name)}
	in := map[string]any{"FunctionName": arn, "InvocationType": kind}
	if payload != nil {
		in["Payload"] = payload
	}
	return r.Caller.Call(ctx, as, b.Region, "lambda", "Invoke", in, nil)
}

// configure sets a bucket's notifications as a template has them.
// Source: AWS CloudFormation Template Reference, AWS::S3::Bucket NotificationConfiguration.
func (r *Room) configure(ctx context.Context, name string, property any) error {
	n, err := templateNotifications(property)
	if err != nil {
		return err
	}
	b, err := r.bucket(name)
	if err == nil {
		err = r.validate(ctx, b, &n, false)
	}
	if err != nil {
		return err
	}
	text, err := n.text()
	if err != nil {
		return err
	}
	return r.change(name, func(b *bucket) { b.set("notification", text) })
}

// templateNotifications reads the property NotificationConfiguration.
func templateNotifications(property any) (n notifications, err error) {
	type rules struct{ S3Key struct{ Rules []filterRule } }
	var in struct {
		TopicConfigurations, QueueConfigurations, LambdaConfigurations []struct {
			Event, Topic, Queue, Function string
			Filter                        *rules
		}
		EventBridgeConfiguration *struct{ EventBridgeEnabled any }
	}
	if err := decode(property, &in); err != nil {
		return n, fmt.Errorf("NotificationConfiguration: %w", err)
	}
	for _, c := range slices.Concat(in.TopicConfigurations, in.QueueConfigurations, in.LambdaConfigurations) {
		one := notification{Topic: c.Topic, Queue: c.Queue, Function: c.Function, Events: []string{c.Event}}
		if c.Filter != nil {
			one.Filter = &filter{Rules: c.Filter.S3Key.Rules}
		}
		switch {
		case c.Topic != "":
			n.Topics = append(n.Topics, one)
		case c.Queue != "":
			n.Queues = append(n.Queues, one)
		default:
			n.Functions = append(n.Functions, one)
		}
	}
	if e := in.EventBridgeConfiguration; e != nil && fmt.Sprint(e.EventBridgeEnabled) != "false" {
		n.EventBridge = &struct{}{}
	}
	return n, nil
}

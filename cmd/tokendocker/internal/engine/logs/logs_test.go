package logs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/logs"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

type fixture struct {
	*cloudwatchlogs.Client
	front *doortest.Front
	room  *logs.Room
	t     *testing.T
	last  int64 // time of the last event
}

func newFixture(t *testing.T, store *state.Store, s *switches.Switches, factor float64) *fixture {
	t.Helper()
	front := doortest.New(t, factor)
	room, err := logs.New(logs.Options{Account: doortest.Account, Partition: doortest.Partition, Clock: front.Clock, Store: store, Switches: s})
	if err != nil {
		t.Fatal(err)
	}
	front.Register(room)
	return &fixture{Client: cloudwatchlogs.NewFromConfig(front.Config(front.Operator)), front: front, room: room, t: t}
}

var (
	ctx     = context.Background()
	groupG  = aws.String("/g")
	streamS = aws.String("s")
)

func (f *fixture) stream() {
	f.t.Helper()
	_, err := f.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: groupG})
	if err == nil {
		_, err = f.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: groupG, LogStreamName: streamS})
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// put writes messages one millisecond apart, from now on and after those before.
func (f *fixture) put(messages ...string) error {
	now := max(f.front.Clock.Now().UnixMilli(), f.last+1)
	f.last = now + int64(len(messages))
	var events []types.InputLogEvent
	for i, m := range messages {
		events = append(events, types.InputLogEvent{Timestamp: aws.Int64(now + int64(i)), Message: aws.String(m)})
	}
	_, err := f.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: groupG, LogStreamName: streamS, LogEvents: events})
	return err
}

func (f *fixture) get(in cloudwatchlogs.GetLogEventsInput) (string, *cloudwatchlogs.GetLogEventsOutput) {
	f.t.Helper()
	in.LogGroupName, in.LogStreamName = groupG, streamS
	out, err := f.GetLogEvents(ctx, &in)
	if err != nil {
		f.t.Fatal(err)
	}
	var text []string
	for _, e := range out.Events {
		text = append(text, aws.ToString(e.Message))
	}
	return strings.Join(text, " "), out
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

// cases are the refusals of this room.
var cases = []struct {
	name, source, limit string
	call                func(f *fixture) error
	want                string
}{
	{name: "group exists", source: "CreateLogGroup, 2026-11", want: "ResourceAlreadyExistsException", call: func(f *fixture) error {
		_, err := f.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: groupG})
		return err
	}},
	{name: "group's name", source: "CreateLogGroup, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		_, err := f.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("a b")})
		return err
	}},
	{name: "stream exists", source: "CreateLogStream, 2026-11", want: "ResourceAlreadyExistsException", call: func(f *fixture) error {
		_, err := f.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: groupG, LogStreamName: streamS})
		return err
	}},
	{name: "stream without group", source: "CreateLogStream, 2026-11", want: "ResourceNotFoundException", call: func(f *fixture) error {
		_, err := f.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("/no"), LogStreamName: streamS})
		return err
	}},
	{name: "stream's name", source: "CreateLogStream, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		_, err := f.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: groupG, LogStreamName: aws.String("a:b")})
		return err
	}},
	{name: "events to no stream", source: "PutLogEvents, 2026-11", want: "ResourceNotFoundException", call: func(f *fixture) error {
		_, err := f.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: groupG, LogStreamName: aws.String("no"), LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(1), Message: aws.String("m")}}})
		return err
	}},
	{name: "batch too large", source: "PutLogEvents, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		return f.put(strings.Repeat("x", 600_000), strings.Repeat("x", 600_000))
	}},
	{name: "too many events", source: "PutLogEvents, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		return f.put(strings.Split(strings.Repeat("x ", 10_000)+"x", " ")...)
	}},
	{name: "empty message", source: "PutLogEvents, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error { return f.put("") }},
	{name: "not in order", source: "PutLogEvents, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		now := f.front.Clock.Now().UnixMilli()
		_, err := f.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: groupG, LogStreamName: streamS, LogEvents: []types.InputLogEvent{
			{Timestamp: &now, Message: aws.String("m")}, {Timestamp: aws.Int64(now - 1), Message: aws.String("m")}}})
		return err
	}},
	{name: "more than a day", source: "PutLogEvents, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		day := f.front.Clock.Now().UnixMilli()
		_, err := f.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: groupG, LogStreamName: streamS,
			LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(day - 86_400_001), Message: aws.String("a")}, {Timestamp: aws.Int64(day), Message: aws.String("b")}}})
		return err
	}},
	{name: "too many groups at once", source: "DescribeLogGroups, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		_, err := f.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{Limit: aws.Int32(51)})
		return err
	}},
	{name: "fewer streams than none", source: "DescribeLogStreams, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		_, err := f.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: groupG, Limit: aws.Int32(-1)})
		return err
	}},
	{name: "some streams by their last event", source: "DescribeLogStreams, orderBy, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		_, err := f.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: groupG, OrderBy: types.OrderByLastEventTime, LogStreamNamePrefix: streamS})
		return err
	}},
	{name: "tags of no group", source: "ListTagsForResource, 2026-11", want: "ResourceNotFoundException", call: func(f *fixture) error {
		_, err := f.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:logs:eu-west-1:111122223333:log-group:none")})
		return err
	}},
	{name: "token that is none", source: "GetLogEvents, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		_, err := f.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: groupG, LogStreamName: streamS, NextToken: aws.String("x")})
		return err
	}},
	{name: "retention", source: "PutRetentionPolicy, 2026-11", want: "InvalidParameterException", call: func(f *fixture) error {
		_, err := f.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: groupG, RetentionInDays: aws.Int32(2)})
		return err
	}},
	{name: "JSON patterns", source: "Filter pattern syntax, 2026-11", limit: "filter patterns are terms only", want: "InvalidParameterException", call: func(f *fixture) error {
		_, err := f.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: groupG, FilterPattern: aws.String("{ $.a = 1 }")})
		return err
	}},
	{name: "other operations", source: "API Reference, 2026-11", limit: "no Insights", want: "UnknownOperationException", call: func(f *fixture) error {
		_, err := f.StartQuery(ctx, &cloudwatchlogs.StartQueryInput{QueryString: aws.String("x"), StartTime: aws.Int64(0), EndTime: aws.Int64(1)})
		return err
	}},
}

func TestRefusals(t *testing.T) {
	f := newFixture(t, doortest.Store(t), nil, 1)
	f.stream()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { wantCode(t, c.call(f), c.want) })
	}
}

func TestReadForwardAndBackward(t *testing.T) {
	f := newFixture(t, doortest.Store(t), nil, 1)
	f.stream()
	_, empty := f.get(cloudwatchlogs.GetLogEventsInput{})
	if err := f.put("a", "b", "c", "d", "e"); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.get(cloudwatchlogs.GetLogEventsInput{NextToken: empty.NextForwardToken}); got != "a b c d e" {
		t.Errorf("forward from the empty stream: %q", got)
	}
	got, tail := f.get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(2)})
	if got != "d e" {
		t.Errorf("tail: %q", got)
	}
	got, before := f.get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(2), NextToken: tail.NextBackwardToken})
	if got != "b c" {
		t.Errorf("backward: %q", got)
	}
	if got, _ := f.get(cloudwatchlogs.GetLogEventsInput{NextToken: before.NextBackwardToken}); got != "a" {
		t.Errorf("backward again: %q", got)
	}
	got, head := f.get(cloudwatchlogs.GetLogEventsInput{StartFromHead: aws.Bool(true), Limit: aws.Int32(3)})
	if got != "a b c" {
		t.Errorf("head: %q", got)
	}
	got, end := f.get(cloudwatchlogs.GetLogEventsInput{StartFromHead: aws.Bool(true), NextToken: head.NextForwardToken})
	if got != "d e" {
		t.Errorf("forward: %q", got)
	}
	got, again := f.get(cloudwatchlogs.GetLogEventsInput{StartFromHead: aws.Bool(true), NextToken: end.NextForwardToken})
	if got != "" || *again.NextForwardToken != *end.NextForwardToken {
		t.Errorf("at the end: %q, token %s after %s", got, *again.NextForwardToken, *end.NextForwardToken)
	}
	if err := f.put("f"); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.get(cloudwatchlogs.GetLogEventsInput{NextToken: again.NextForwardToken}); got != "f" {
		t.Errorf("later event: %q", got)
	}
}

func TestFilter(t *testing.T) {
	f := newFixture(t, doortest.Store(t), nil, 1)
	f.stream()
	if err := f.put("ERROR one", "WARN two", "ERROR two words"); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]int{"": 3, "ERROR": 2, "ERROR two": 1, `"two words"`: 1, "?one ?WARN": 2, "ERROR -two": 1} {
		out, err := f.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: groupG, FilterPattern: &pattern})
		if err != nil || len(out.Events) != want {
			t.Errorf("%q: %d events (%v), want %d", pattern, len(out.Events), err, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	f := newFixture(t, doortest.Store(t), nil, 1)
	f.stream()
	if err := f.put("m"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: groupG, RetentionInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	groups, err := f.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/")})
	if err != nil || len(groups.LogGroups) != 1 {
		t.Fatal(err, groups)
	}
	g := groups.LogGroups[0]
	if aws.ToString(g.Arn) != "arn:aws:logs:eu-west-1:111122223333:log-group:/g:*" || aws.ToInt32(g.RetentionInDays) != 7 || aws.ToInt64(g.StoredBytes) != 27 {
		t.Errorf("group %s keeps %d days, %d bytes", aws.ToString(g.Arn), aws.ToInt32(g.RetentionInDays), aws.ToInt64(g.StoredBytes))
	}
	streams, err := f.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: groupG, OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)})
	if err != nil || len(streams.LogStreams) != 1 || aws.ToInt64(streams.LogStreams[0].LastEventTimestamp) == 0 {
		t.Errorf("streams %v, %v", streams, err)
	}
}

func TestNeedsNameTheStream(t *testing.T) {
	f := newFixture(t, doortest.Store(t), nil, 1)
	f.stream()
	var got []string
	f.front.Denied = func(_ *session.Session, need protocol.Need) error {
		got = append(got, need.Action+" "+strings.Join(need.Resources, " "))
		return nil
	}
	f.get(cloudwatchlogs.GetLogEventsInput{})
	if _, err := f.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: groupG}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"logs:GetLogEvents arn:aws:logs:eu-west-1:111122223333:log-group:/g:log-stream:s",
		"logs:DeleteLogGroup arn:aws:logs:eu-west-1:111122223333:log-group:/g:log-stream:",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDelaySwitch(t *testing.T) {
	const factor = 100
	f := newFixture(t, doortest.Store(t), &switches.Switches{LogDelay: 20 * time.Second}, factor)
	f.stream()
	if err := f.put("late"); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.get(cloudwatchlogs.GetLogEventsInput{}); got != "" {
		t.Errorf("at once: %q", got)
	}
	time.Sleep(220 * time.Millisecond)
	if got, _ := f.get(cloudwatchlogs.GetLogEventsInput{}); got != "late" {
		t.Errorf("after the delay: %q", got)
	}
}

func TestSurvivesAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	store, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, store, nil, 1)
	f.stream()
	if err := f.put("whole"); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "logs", "*", "*"))
	if len(files) != 1 {
		t.Fatalf("files: %v", files)
	}
	file, _ := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	fmt.Fprint(file, `{"t":1,"m":"ha`)
	if err := errors.Join(file.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
	if store, err = state.Open(dir); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	f = newFixture(t, store, nil, 1)
	if err := f.put("next"); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.get(cloudwatchlogs.GetLogEventsInput{}); got != "whole next" {
		t.Errorf("got %q", got)
	}
}

func TestLogGroupResource(t *testing.T) {
	f := newFixture(t, doortest.Store(t), nil, 1)
	p := f.room.Resources()["AWS::Logs::LogGroup"]
	r := resource.Request{Stack: resource.Stack{Name: "App", Region: doortest.Region}, LogicalID: "Logs", Token: "1", Properties: map[string]any{"RetentionInDays": "14"}}
	made, err := p.Create(ctx, r)
	if err != nil || !strings.HasPrefix(made.PhysicalID, "App-Logs-") {
		t.Fatal(made, err)
	}
	if want := "arn:aws:logs:eu-west-1:111122223333:log-group:" + made.PhysicalID + ":*"; made.Attributes["Arn"] != want {
		t.Errorf("ARN %s, want %s", made.Attributes["Arn"], want)
	}
	if again, err := p.Create(ctx, r); err != nil || again.PhysicalID != made.PhysicalID {
		t.Errorf("a repeated try: %v, %v", again, err)
	}
	r.PhysicalID, r.Properties = made.PhysicalID, map[string]any{"RetentionInDays": 30.0}
	if _, err := p.Update(ctx, r); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := p.Delete(ctx, r); err != nil {
			t.Error(err)
		}
	}
}

package states

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

// activityPoll is how long GetActivityTask waits for a task (API Reference, "GetActivityTask").
const activityPoll = time.Minute

// activity is a place where workers ask for tasks, as it is kept.
type activity struct {
	ARN, Name string
	Created   time.Time
}

// offer is a task that waits for a worker.
type offer struct{ token, input string }

// offers are the tasks that wait, by activity.
type offers struct {
	mu    sync.Mutex
	tasks map[string][]offer
	news  chan struct{} // closes when there is another one
}

// put adds a task.
func (o *offers) put(arn string, task offer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tasks == nil {
		o.tasks = map[string][]offer{}
	}
	o.tasks[arn] = append(o.tasks[arn], task)
	if o.news != nil {
		close(o.news)
		o.news = nil
	}
}

// take returns the oldest task, or what closes when there is another one.
func (o *offers) take(arn string) (offer, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if waiting := o.tasks[arn]; len(waiting) > 0 {
		o.tasks[arn] = waiting[1:]
		return waiting[0], nil
	}
	if o.news == nil {
		o.news = make(chan struct{})
	}
	return offer{}, o.news
}

// drop removes a task that nobody waits for any more.
func (o *offers) drop(arn, token string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tasks[arn] = slices.DeleteFunc(o.tasks[arn], func(t offer) bool { return t.token == token })
}

func activityARN(partition, region, account, name string) string {
	return fmt.Sprintf("arn:%s:states:%s:%s:activity:%s", partition, region, account, name)
}

func (r *Room) activity(arn string) (activity, error) {
	a, found, err := r.activities.Get(arn)
	if err == nil && !found {
		err = protocol.Errorf("ActivityDoesNotExist", "Activity does not exist: '%s'", arn)
	}
	return a, err
}

// makeActivity makes an activity; one that is there already is returned as it is.
func (r *Room) makeActivity(arn, name string) (activity, error) {
	if err := checkName(name); err != nil {
		return activity{}, err
	}
	made := activity{ARN: arn, Name: name, Created: r.Clock.Now()}
	err := r.activities.Update(arn, func(old activity, found bool) (activity, error) {
		if found {
			made = old
		}
		return made, nil
	})
	return made, err
}

func (r *Room) createActivity(_ context.Context, call *protocol.Call, in input) (any, error) {
	a, err := r.makeActivity(activityARN(call.Partition, call.Region, call.Account, in.Name), in.Name)
	return map[string]any{"activityArn": a.ARN, "creationDate": protocol.Timestamp(a.Created)}, err
}

func (r *Room) deleteActivity(_ context.Context, _ *protocol.Call, in input) (any, error) {
	return map[string]any{}, r.activities.Delete(in.ActivityArn)
}

func (r *Room) describeActivity(_ context.Context, _ *protocol.Call, in input) (any, error) {
	a, err := r.activity(in.ActivityArn)
	return map[string]any{"activityArn": a.ARN, "name": a.Name, "creationDate": protocol.Timestamp(a.Created)}, err
}

func (r *Room) listActivities(_ context.Context, call *protocol.Call, in input) (any, error) {
	var all []activity
	for arn, a := range r.activities.All() {
		if strings.HasPrefix(arn, activityARN(call.Partition, call.Region, call.Account, "")) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b activity) int { return cmp.Compare(a.Name, b.Name) })
	part, next, err := page(in, all)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, a := range part {
		list = append(list, map[string]any{"activityArn": a.ARN, "name": a.Name, "creationDate": protocol.Timestamp(a.Created)})
	}
	return paged("activities", list, next), nil
}

// getActivityTask waits for a task. Without one in time the answer is empty.
// Source: API Reference, "GetActivityTask".
func (r *Room) getActivityTask(ctx context.Context, _ *protocol.Call, in input) (any, error) {
	if _, err := r.activity(in.ActivityArn); err != nil {
		return nil, err
	}
	over := r.Clock.After(ctx, activityPoll)
	for {
		task, news := r.offered.take(in.ActivityArn)
		if news == nil {
			if r.waiting.take(task.token, false) == nil {
				continue // nobody waits for it any more
			}
			return map[string]any{"taskToken": task.token, "input": task.input}, nil
		}
		select {
		case <-news:
		case <-over:
			return map[string]any{}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// work offers a task to an activity's workers and waits for one's answer.
// Source: Developer Guide, "Activities".
func (t *tasks) work(ctx context.Context, task asl.Task) (any, error) {
	if _, err := t.room.activity(task.Resource); err != nil {
		return nil, asl.Fail(asl.ErrorRuntime, err.Error())
	}
	token := newToken()
	waiting := t.room.waiting.add(token, task.Resource)
	defer t.room.waiting.take(token, true)
	t.room.offered.put(task.Resource, offer{token, asl.Encode(task.Input)})
	defer t.room.offered.drop(task.Resource, token)
	return t.wait(ctx, waiting, task.Heartbeat)
}

// activityProvider is AWS::StepFunctions::Activity. Ref and Arn are the ARN (AWS CloudFormation User Guide).
type activityProvider struct{ room *Room }

// Immutable returns what names the activity.
func (activityProvider) Immutable() []string { return []string{"Name"} }

// Create makes an activity.
func (p activityProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	name := cmp.Or(text(q.Properties, "Name"), physical.Logical(q, physical.MaxStateMachine))
	a, err := p.room.makeActivity(activityARN(q.Stack.Partition, q.Stack.Region, q.Stack.Account, name), name)
	return resource.Result{PhysicalID: a.ARN, Attributes: map[string]any{"Arn": a.ARN, "Name": a.Name}}, err
}

// Update changes nothing but what is not looked at: tags and the key.
func (activityProvider) Update(_ context.Context, q resource.Request) (resource.Result, error) {
	return resource.Result{PhysicalID: q.PhysicalID, Attributes: q.Attributes}, nil
}

// Delete removes the activity.
func (p activityProvider) Delete(_ context.Context, q resource.Request) error {
	return p.room.activities.Delete(q.PhysicalID)
}

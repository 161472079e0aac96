package ec2

import (
	"cmp"
	"strings"
)

// What the describing calls tell of each thing.
// Source: Amazon EC2 API Reference, "Data Types".

type tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// tags are a thing's own tags.
func (t thing) tags() []tag {
	list, _ := t.Properties["Tags"].([]any)
	var out []tag
	for _, item := range list {
		if fields, ok := item.(map[string]any); ok {
			pair := thing{Properties: fields}
			out = append(out, tag{pair.text("Key"), pair.text("Value")})
		}
	}
	return out
}

// tagged returns the value of the tag with a key, if the thing has it.
func (t thing) tagged(key string) []string {
	var out []string
	for _, tag := range t.tags() {
		if tag.Key == key {
			out = append(out, tag.Value)
		}
	}
	return out
}

func (t thing) tagKeys() []string {
	var out []string
	for _, tag := range t.tags() {
		out = append(out, tag.Key)
	}
	return out
}

// state is how a thing is that takes time to make.
func (r *Room) state(t thing) string {
	if t.Ready.After(r.Clock.Now()) {
		return "pending"
	}
	return "available"
}

func (r *Room) vpcItem(t thing) any {
	return struct {
		ID        string `xml:"vpcId"`
		Owner     string `xml:"ownerId"`
		State     string `xml:"state"`
		CIDR      string `xml:"cidrBlock"`
		IsDefault bool   `xml:"isDefault"`
		Tags      []tag  `xml:"tagSet>item"`
	}{t.ID, r.Account, "available", t.text("CidrBlock"), t.flag("IsDefault"), t.tags()}
}

func (r *Room) subnetItem(t thing) any {
	zone := zoneOf(t)
	return struct {
		ID     string `xml:"subnetId"`
		ARN    string `xml:"subnetArn"`
		Owner  string `xml:"ownerId"`
		State  string `xml:"state"`
		VPC    string `xml:"vpcId"`
		CIDR   string `xml:"cidrBlock"`
		Zone   string `xml:"availabilityZone"`
		ZoneID string `xml:"availabilityZoneId"`
		Public bool   `xml:"mapPublicIpOnLaunch"`
		Tags   []tag  `xml:"tagSet>item"`
	}{t.ID, r.arn(t.Region, t.Kind, t.ID), r.Account, "available", t.VPC, t.text("CidrBlock"), zone, ZoneID(zone), t.flag("MapPublicIpOnLaunch"), t.tags()}
}

// permission is an IpPermission: one rule, with one peer.
type permission struct {
	Protocol string   `xml:"ipProtocol"`
	From     string   `xml:"fromPort,omitempty"`
	To       string   `xml:"toPort,omitempty"`
	Groups   []string `xml:"groups>item>groupId,omitempty"`
	Ranges   []string `xml:"ipRanges>item>cidrIp,omitempty"`
	Wide     []string `xml:"ipv6Ranges>item>cidrIpv6,omitempty"`
	Lists    []string `xml:"prefixListIds>item>prefixListId,omitempty"`
}

func (r *Room) permissions(group thing, kind string) []permission {
	var out []permission
	for _, rule := range r.rules(group.Region, kind, group.ID) {
		p := permission{Protocol: rule.text("IpProtocol"), From: rule.text("FromPort"), To: rule.text("ToPort")}
		switch to := []string{peer(rule)}; {
		case strings.HasPrefix(to[0], "sg-"):
			p.Groups = to
		case strings.HasPrefix(to[0], "pl-"):
			p.Lists = to
		case strings.Contains(to[0], ":"):
			p.Wide = to
		default:
			p.Ranges = to
		}
		out = append(out, p)
	}
	return out
}

func (r *Room) groupItem(t thing) any {
	return struct {
		ID          string       `xml:"groupId"`
		Name        string       `xml:"groupName"`
		Description string       `xml:"groupDescription"`
		Owner       string       `xml:"ownerId"`
		VPC         string       `xml:"vpcId"`
		Ingress     []permission `xml:"ipPermissions>item"`
		Egress      []permission `xml:"ipPermissionsEgress>item"`
		Tags        []tag        `xml:"tagSet>item"`
	}{t.ID, cmp.Or(t.text("GroupName"), t.ID), t.text("GroupDescription"), r.Account, t.VPC, r.permissions(t, kindIngress), r.permissions(t, kindEgress), t.tags()}
}

// groupName is a GroupIdentifier of the API.
type groupName struct {
	ID string `xml:"groupId"`
}

func groupNames(ids []string) []groupName {
	var out []groupName
	for _, id := range ids {
		out = append(out, groupName{id})
	}
	return out
}

// route is a Route of the API.
type route struct {
	CIDR      string `xml:"destinationCidrBlock,omitempty"`
	Wide      string `xml:"destinationIpv6CidrBlock,omitempty"`
	List      string `xml:"destinationPrefixListId,omitempty"`
	Gateway   string `xml:"gatewayId,omitempty"`
	NAT       string `xml:"natGatewayId,omitempty"`
	Transit   string `xml:"transitGatewayId,omitempty"`
	Peering   string `xml:"vpcPeeringConnectionId,omitempty"`
	Interface string `xml:"networkInterfaceId,omitempty"`
	Instance  string `xml:"instanceId,omitempty"`
	Egress    string `xml:"egressOnlyInternetGatewayId,omitempty"`
	State     string `xml:"state"`
}

type association struct {
	ID     string `xml:"routeTableAssociationId"`
	Table  string `xml:"routeTableId"`
	Subnet string `xml:"subnetId,omitempty"`
	Main   bool   `xml:"main"`
}

func (r *Room) tableItem(t thing) any {
	vpc, _ := r.find(t.Region, t.VPC)
	routes := []route{{CIDR: vpc.text("CidrBlock"), Gateway: "local", State: "active"}}
	var associations []association
	if t.Owner != "" {
		associations = append(associations, association{ID: r.identifier(t.Region, "rtbassoc-", t.ID), Table: t.ID, Main: true})
	}
	of := func(o thing) bool { return o.text("RouteTableId") == t.ID }
	for _, o := range r.all(t.Region, kindRoute, of) {
		routes = append(routes, route{o.text("DestinationCidrBlock"), o.text("DestinationIpv6CidrBlock"), o.text("DestinationPrefixListId"),
			o.text("GatewayId"), o.text("NatGatewayId"), o.text("TransitGatewayId"), o.text("VpcPeeringConnectionId"),
			o.text("NetworkInterfaceId"), o.text("InstanceId"), o.text("EgressOnlyInternetGatewayId"), "active"})
	}
	for _, o := range r.all(t.Region, kindAssociation, of) {
		associations = append(associations, association{o.ID, t.ID, o.text("SubnetId"), false})
	}
	return struct {
		ID           string        `xml:"routeTableId"`
		Owner        string        `xml:"ownerId"`
		VPC          string        `xml:"vpcId"`
		Routes       []route       `xml:"routeSet>item"`
		Associations []association `xml:"associationSet>item"`
		Tags         []tag         `xml:"tagSet>item"`
	}{t.ID, r.Account, t.VPC, routes, associations, t.tags()}
}

func (r *Room) interfaceItem(t thing) any {
	subnet, _ := r.find(t.Region, t.text("SubnetId"))
	return struct {
		ID          string      `xml:"networkInterfaceId"`
		Owner       string      `xml:"ownerId"`
		VPC         string      `xml:"vpcId"`
		Subnet      string      `xml:"subnetId"`
		Zone        string      `xml:"availabilityZone"`
		Description string      `xml:"description"`
		Status      string      `xml:"status"`
		Groups      []groupName `xml:"groupSet>item"`
	}{t.ID, r.Account, t.VPC, t.text("SubnetId"), zoneOf(subnet), t.text("Description"), "in-use", groupNames(t.texts("GroupSet"))}
}

func (r *Room) endpointItem(t thing) any {
	return struct {
		ID      string      `xml:"vpcEndpointId"`
		Type    string      `xml:"vpcEndpointType"`
		Owner   string      `xml:"ownerId"`
		VPC     string      `xml:"vpcId"`
		Service string      `xml:"serviceName"`
		State   string      `xml:"state"`
		Private bool        `xml:"privateDnsEnabled"`
		Subnets []string    `xml:"subnetIdSet>item"`
		Tables  []string    `xml:"routeTableIdSet>item"`
		Groups  []groupName `xml:"groupSet>item"`
		Tags    []tag       `xml:"tagSet>item"`
	}{t.ID, cmp.Or(t.text("VpcEndpointType"), "Gateway"), r.Account, t.VPC, t.text("ServiceName"), r.state(t), t.flag("PrivateDnsEnabled"),
		t.texts("SubnetIds"), t.texts("RouteTableIds"), groupNames(t.texts("SecurityGroupIds")), t.tags()}
}

func (r *Room) internetItem(t thing) any {
	type attachment struct {
		VPC   string `xml:"vpcId"`
		State string `xml:"state"`
	}
	var attached []attachment
	for _, vpc := range attachedTo(r, t) {
		attached = append(attached, attachment{vpc, "available"})
	}
	return struct {
		ID       string       `xml:"internetGatewayId"`
		Owner    string       `xml:"ownerId"`
		Attached []attachment `xml:"attachmentSet>item"`
		Tags     []tag        `xml:"tagSet>item"`
	}{t.ID, r.Account, attached, t.tags()}
}

func (r *Room) natItem(t thing) any {
	type publicAddress struct {
		Allocation string `xml:"allocationId"`
		Interface  string `xml:"networkInterfaceId"`
		IP         string `xml:"publicIp,omitempty"`
	}
	var addresses []publicAddress
	if id := t.text("AllocationId"); id != "" {
		one := publicAddress{Allocation: id, IP: address(thing{ID: id})}
		for _, o := range r.owned(t) {
			one.Interface = o.ID
		}
		addresses = append(addresses, one)
	}
	return struct {
		ID        string          `xml:"natGatewayId"`
		State     string          `xml:"state"`
		Subnet    string          `xml:"subnetId"`
		VPC       string          `xml:"vpcId"`
		Kind      string          `xml:"connectivityType"`
		Addresses []publicAddress `xml:"natGatewayAddressSet>item"`
		Tags      []tag           `xml:"tagSet>item"`
	}{t.ID, r.state(t), t.text("SubnetId"), t.VPC, cmp.Or(t.text("ConnectivityType"), "public"), addresses, t.tags()}
}

// Writes what the program knows of kubeadm's configuration files: names and types of their fields, in the form of
// src/object/schema/table.rs. Facts only, by reflection on the Go types themselves.
package main

import (
	"fmt"
	"reflect"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	proxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"
	bootstraptoken "k8s.io/kubernetes/cmd/kubeadm/app/apis/bootstraptoken/v1"
	"k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/v1beta3"
	"k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/v1beta4"
)

// Kinds by their API versions.
var kinds = map[string][]any{
	"kubeadm.k8s.io/v1beta3": {v1beta3.ClusterConfiguration{}, v1beta3.InitConfiguration{}, v1beta3.JoinConfiguration{}},
	"kubeadm.k8s.io/v1beta4": {
		v1beta4.ClusterConfiguration{}, v1beta4.InitConfiguration{}, v1beta4.JoinConfiguration{},
		v1beta4.ResetConfiguration{}, v1beta4.UpgradeConfiguration{},
	},
	"kubelet.config.k8s.io/v1beta1":    {kubelet.KubeletConfiguration{}},
	"kubeproxy.config.k8s.io/v1alpha1": {proxy.KubeProxyConfiguration{}},
}

// Types that read their JSON themselves.
var scalars = map[reflect.Type]string{
	reflect.TypeOf(metav1.Duration{}):                     "s",
	reflect.TypeOf(resource.Quantity{}):                   "q",
	reflect.TypeOf(resource.QuantityValue{}):              "q",
	reflect.TypeOf(metav1.Time{}):                         "t",
	reflect.TypeOf(bootstraptoken.BootstrapTokenString{}): "s",
}

var (
	order []reflect.Type
	place = map[reflect.Type]int{}
)

func number(of reflect.Type) int {
	if at, known := place[of]; known {
		return at
	}
	place[of] = len(order)
	order = append(order, of)
	return place[of]
}

func shape(of reflect.Type) string {
	if known, is := scalars[of]; is {
		return known
	}
	switch of.Kind() {
	case reflect.Pointer:
		return shape(of.Elem())
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int32:
		return "i"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32:
		return "l"
	case reflect.Float32, reflect.Float64:
		return "n"
	case reflect.Map:
		return "{" + shape(of.Elem())
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			return "y"
		}
		return "[" + shape(of.Elem())
	case reflect.Struct:
		return fmt.Sprintf("o%d", number(of))
	}
	return "a"
}

// Go's name of a type, where it does not follow from the shape.
func named(of reflect.Type) string {
	inner := of
	for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map || inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	if inner.PkgPath() == "" || inner.Kind() == reflect.Struct && scalars[inner] == "" {
		return ""
	}
	return strings.TrimLeft(of.String(), "*")
}

func fields(of reflect.Type, via []string) {
	for at := range of.NumField() {
		field := of.Field(at)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if field.Anonymous && name == "" {
			inner := field.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			fields(inner, append(via, field.Name))
			continue
		}
		if name == "" {
			name = field.Name
		}
		flags := ""
		if field.Type.Kind() == reflect.Pointer {
			flags += "p"
		}
		if strings.Contains(options, "omitempty") {
			flags += "o"
		}
		line := name + "\t" + shape(field.Type) + "\t" + flags
		if called := named(field.Type); called != "" {
			line += "\tg" + called
		}
		if len(via) > 0 {
			line += "\tv" + strings.Join(via, ".")
		}
		fmt.Println(line)
	}
}

func main() {
	versions := []string{}
	for version := range kinds {
		versions = append(versions, version)
	}
	sort.Strings(versions)
	last := []string{}
	for _, version := range versions {
		for _, kind := range kinds[version] {
			of := reflect.TypeOf(kind)
			last = append(last, fmt.Sprintf("@%s\t%s\t%d", version, of.Name(), number(of)))
		}
	}
	for at := 0; at < len(order); at++ {
		of := order[at]
		fmt.Printf("+%s.%s\t\n", strings.ReplaceAll(of.PkgPath(), "/", "."), of.Name())
		fields(of, nil)
	}
	for _, line := range last {
		fmt.Println(line)
	}
}

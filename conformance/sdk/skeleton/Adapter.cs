// A Legwork adapter that drives nothing yet. Fill it in by ADAPTERS.md, step by step.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json.Nodes;

/// The library has no way to do what was asked.
class Unsupported : Exception
{
    public Unsupported(string what) : base(what) { }
}

static class Adapter
{
    static readonly Dictionary<string, Func<JsonObject, JsonObject>> Operations = new()
    {
        ["hello"] = Hello,
        ["reset"] = Reset,
        ["bye"] = _ => new JsonObject(),
    };

    static JsonObject Hello(JsonObject request) => new()
    {
        ["hello"] = new JsonObject
        {
            ["protocol"] = 1,
            ["name"] = "NAME",
            ["version"] = "0",
            ["drives"] = new JsonArray(),
            ["controls"] = new JsonArray(),
        },
    };

    static JsonObject Reset(JsonObject request)
    {
        var environment = request["environment"]!;
        if (environment["policy"] is JsonObject policy)
            foreach (var (name, _) in policy) throw new Unsupported($"policy:{name}");
        if (environment["faults"] is JsonArray faults)
            foreach (var name in faults) throw new Unsupported($"fault:{name}");
        return new JsonObject();
    }

    static JsonObject Answer(JsonObject request)
    {
        try
        {
            var name = (string)request["op"]!;
            if (!Operations.TryGetValue(name, out var operation)) throw new Unsupported(name);
            return new JsonObject { ["outcome"] = operation(request) };
        }
        catch (Unsupported missing)
        {
            return new JsonObject { ["unsupported"] = new JsonObject { ["what"] = missing.Message } };
        }
        catch (Exception error)
        {
            return new JsonObject { ["fault"] = new JsonObject { ["message"] = error.ToString() } };
        }
    }

    static void Main()
    {
        // What the library prints goes to standard error; the protocol has standard output for itself.
        var protocol = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true, NewLine = "\n" };
        Console.SetOut(Console.Error);
        while (Console.In.ReadLine() is { } line)
        {
            var request = (JsonObject)JsonNode.Parse(line)!;
            var reply = Answer(request);
            reply["seq"] = (ulong)request["seq"]!;
            protocol.WriteLine(reply.ToJsonString());
            if ((string)request["op"]! == "bye") break;
        }
    }
}

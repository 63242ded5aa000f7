import com.sun.security.ntlm.NTLMException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.NameCallback;
import javax.security.auth.callback.PasswordCallback;
import javax.security.sasl.RealmCallback;
import javax.security.sasl.Sasl;
import javax.security.sasl.SaslClient;
import javax.security.sasl.SaslException;
import javax.security.sasl.SaslServer;

/** The mechanism NTLM of {@link Sasl}, in both roles. */
final class Subject {
    private static final String MECHANISM = "NTLM";
    private static final String PROPERTY = "com.sun.security.sasl.ntlm.";
    private static final long TOKEN = 2;

    /** What each LmCompatibilityLevel is for a client: what it sends. */
    private static final Map<Long, String> CLIENT_LEVELS = Map.of(
        0L, "LM/NTLM", 3L, "LMv2/NTLMv2", 4L, "LMv2/NTLMv2", 5L, "LMv2/NTLMv2");
    /** What each is for a server: what it accepts; an empty text is all of it. */
    private static final Map<Long, String> SERVER_LEVELS = Map.of(0L, "", 1L, "", 2L, "", 3L, "", 5L, "LMv2/NTLMv2");
    private static final long STRICTEST = 5;

    record Account(String user, String domain, String password) {}

    /** What a client logs on with; absent parts are null. */
    record Credential(boolean initiates, Account identity) {}

    /** One of the two. */
    record Context(SaslClient client, SaslServer server) {
        byte[] step(byte[] token) throws SaslException {
            return client != null ? client.evaluateChallenge(token) : server.evaluateResponse(token);
        }

        boolean isComplete() {
            return client != null ? client.isComplete() : server.isComplete();
        }
    }

    /** The library threw. */
    private static final class Raised extends Exception {
        Raised(Throwable cause) {
            super(cause);
        }
    }

    private interface Call<T> {
        T call() throws Exception;
    }

    private final Map<Object, Credential> credentials = new HashMap<>();
    private final Map<Object, Context> contexts = new HashMap<>();
    private final List<Account> accounts = new ArrayList<>();
    private Map<?, ?> host = Map.of();
    private long level = STRICTEST;

    Map<String, Object> operation(Map<?, ?> request) {
        try {
            String name = (String) request.get("op");
            return switch (name) {
                case "hello" -> hello();
                case "reset" -> reset((Map<?, ?>) request.get("environment"));
                case "acquire" -> acquire(request);
                case "free-credential" -> drop(credentials, request.get("credential"));
                case "initialize", "accept" -> leg(request, name.equals("initialize"));
                case "query" -> query(request);
                case "delete" -> drop(contexts, request.get("context"));
                case "bye" -> Map.of();
                default -> throw new Adapter.Unsupported(name);
            };
        } catch (Raised raised) {
            return Map.of("status", status(raised.getCause()));
        }
    }

    private static Map<String, Object> hello() {
        List<Object> drives = new ArrayList<>();
        for (boolean initiates : new boolean[] {true, false}) {
            List<String> operations = new ArrayList<>(
                List.of("acquire", "free-credential", initiates ? "initialize" : "accept", "delete"));
            List<String> observables = new ArrayList<>(List.of("token", "status"));
            if (!initiates) {
                operations.add("query");
                observables.add("peer-name");
            }
            List<String> honours = new ArrayList<>(List.of("character-set:oem", "leg"));
            for (long known : new TreeSet<>((initiates ? CLIENT_LEVELS : SERVER_LEVELS).keySet()))
                honours.add("policy:lm-compatibility-level:" + known);
            drives.add(Map.of("package", "ntlm", "role", initiates ? "initiator" : "acceptor",
                "operations", operations, "observables", observables, "requirements", 0, "honours", honours));
        }
        return Map.of("hello", Map.of("protocol", 1, "name", "java-sasl", "version",
            System.getProperty("java.runtime.version"), "drives", drives, "controls", List.of()));
    }

    private Map<String, Object> reset(Map<?, ?> environment) {
        credentials.clear();
        contexts.clear();
        accounts.clear();
        level = STRICTEST;
        host = (Map<?, ?>) environment.get("host");
        if (environment.get("policy") instanceof Map<?, ?> policy) {
            for (Object name : policy.keySet())
                if (!name.equals("lm-compatibility-level")) throw new Adapter.Unsupported("policy:" + name);
            if (policy.get("lm-compatibility-level") instanceof Long number) level = number;
        }
        if (environment.get("faults") instanceof List<?> faults)
            for (Object name : faults) throw new Adapter.Unsupported("fault:" + name);
        if (environment.get("accounts") instanceof List<?> list)
            for (Object entry : list) {
                Map<?, ?> account = (Map<?, ?>) entry;
                if (account.get("state") != null) throw new Adapter.Unsupported("account:state");
                accounts.add(account(account));
            }
        return Map.of();
    }

    private static Account account(Map<?, ?> parts) {
        return new Account(text(parts.get("user")), text(parts.get("domain")), text(parts.get("password")));
    }

    /** A text as Java has it; unpaired surrogates survive, and absent text is null. */
    private static String text(Object value) {
        if (value == null) return null;
        byte[] bytes = HexFormat.of().parseHex((String) ((Map<?, ?>) value).get("utf16"));
        StringBuilder units = new StringBuilder();
        for (int at = 0; at < bytes.length; at += 2) units.append((char) (bytes[at] & 0xff | bytes[at + 1] << 8));
        return units.toString();
    }

    private static Map<String, Object> text(String value) {
        StringBuilder units = new StringBuilder();
        for (char unit : value.toCharArray()) units.append(String.format("%02x%02x", unit & 0xff, unit >> 8));
        return Map.of("utf16", units.toString(), "text", value.replaceAll("\\p{Cs}", "\ufffd"));
    }

    private Map<String, Object> acquire(Map<?, ?> request) {
        if (!request.get("package").equals("ntlm")) throw new Adapter.Unsupported("package:" + request.get("package"));
        boolean initiates = request.get("role").equals("initiator");
        Object identity = request.get("identity");
        if (!initiates && identity != null) throw new Adapter.Unsupported("identity of an acceptor");
        if (initiates && identity == null) throw new Adapter.Unsupported("identity:absent");
        credentials.put(request.get("credential"),
            new Credential(initiates, identity == null ? null : account((Map<?, ?>) identity)));
        return Map.of("status", returned(true));
    }

    private Map<String, Object> leg(Map<?, ?> request, boolean initiates) throws Raised {
        Credential credential = find(credentials, request.get("credential"));
        if (request.get("bindings") != null) throw new Adapter.Unsupported("bindings");
        for (Object value : (List<?>) request.get("reserved"))
            if (!value.equals(0L)) throw new Adapter.Unsupported("reserved");
        if (credential.initiates() != initiates) throw new Adapter.Unsupported("credential of the other role");
        if (request.get("context") == null) {
            Context made = initiates ? client(request, credential.identity()) : server();
            contexts.put(request.get("new-context"), made);
        }
        Object number = request.get("context") == null ? request.get("new-context") : request.get("context");
        Context context = find(contexts, number);
        byte[] token = token((List<?>) request.get("input"));
        byte[] answer = library(() -> context.step(token));
        Map<String, Object> outcome = new LinkedHashMap<>();
        outcome.put("status", returned(library(context::isComplete)));
        if (answer != null)
            outcome.put("buffers", List.of(Map.of("kind", TOKEN, "bytes", HexFormat.of().formatHex(answer))));
        return outcome;
    }

    /** The bytes of the first token buffer. SASL has no token that is not there: it is empty. */
    private static byte[] token(List<?> input) {
        for (Object entry : input) {
            Map<?, ?> buffer = (Map<?, ?>) entry;
            if (buffer.get("kind").equals(TOKEN) && buffer.get("bytes") instanceof String hex)
                return HexFormat.of().parseHex(hex);
        }
        return new byte[0];
    }

    private Context client(Map<?, ?> request, Account identity) throws Raised {
        String[] target = request.get("target") == null ? new String[0] : text(request.get("target")).split("/", -1);
        if (target.length != 2) throw new Adapter.Unsupported("target that is not service/host");
        Map<String, Object> properties = properties(CLIENT_LEVELS);
        properties.put(PROPERTY + "hostname", host.get("netbios-computer"));
        return new Context(library(() -> Sasl.createSaslClient(new String[] {MECHANISM}, null, target[0], target[1],
            properties, callbacks -> fill(callbacks, identity))), null);
    }

    private Context server() throws Raised {
        Map<String, Object> properties = properties(SERVER_LEVELS);
        properties.put(PROPERTY + "domain", host.get("netbios-domain"));
        String name = (String) host.get("dns-computer");
        return new Context(null, library(() -> Sasl.createSaslServer(MECHANISM, "HTTP", name, properties, callbacks -> {
            String user = null;
            String domain = "";
            for (Callback callback : callbacks) {
                if (callback instanceof NameCallback asked) user = asked.getDefaultName();
                if (callback instanceof RealmCallback asked && asked.getDefaultText() != null) domain = asked.getDefaultText();
            }
            for (Account account : accounts)
                if (account.user().equalsIgnoreCase(user) && account.domain().equalsIgnoreCase(domain)) fill(callbacks, account);
        })));
    }

    private Map<String, Object> properties(Map<Long, String> levels) {
        String version = levels.get(level);
        if (version == null) throw new Adapter.Unsupported("policy:lm-compatibility-level");
        Map<String, Object> properties = new HashMap<>();
        if (!version.isEmpty()) properties.put(PROPERTY + "version", version);
        return properties;
    }

    /** Answers with what there is; a part that is absent is not answered. */
    private static void fill(Callback[] callbacks, Account account) {
        for (Callback callback : callbacks) {
            if (callback instanceof RealmCallback asked && account.domain() != null) asked.setText(account.domain());
            if (callback instanceof NameCallback asked && account.user() != null) asked.setName(account.user());
            if (callback instanceof PasswordCallback asked && account.password() != null)
                asked.setPassword(account.password().toCharArray());
        }
    }

    private Map<String, Object> query(Map<?, ?> request) throws Raised {
        Context context = find(contexts, request.get("context"));
        if (!request.get("attribute").equals("names") || context.server() == null)
            throw new Adapter.Unsupported("query:" + request.get("attribute"));
        String user = library(() -> context.server().getAuthorizationID());
        return Map.of("status", returned(true), "values", user == null ? Map.of() : Map.of("user", text(user)));
    }

    private static <T> T find(Map<Object, T> table, Object number) {
        if (number == null) throw new Adapter.Unsupported("absent-handle");
        if (!table.containsKey(number)) throw new Adapter.Unsupported("foreign-handle");
        if (table.get(number) == null) throw new Adapter.Unsupported("stale-handle");
        return table.get(number);
    }

    /** Takes the object out; its number stays known as one that was freed. */
    private static <T> Map<String, Object> drop(Map<Object, T> table, Object number) {
        find(table, number);
        table.put(number, null);
        return Map.of("status", returned(true));
    }

    /** Calls the library: what it throws is an outcome, whatever it is. */
    private static <T> T library(Call<T> call) throws Raised {
        try {
            return call.call();
        } catch (Exception | StackOverflowError | OutOfMemoryError error) {
            throw new Raised(error);
        }
    }

    private static Map<String, Object> returned(boolean complete) {
        return Map.of("namespace", "return", "code", complete ? "complete" : "continue");
    }

    /** The class of an error and, inside a SaslException of the mechanism, its number. */
    private static Map<String, Object> status(Throwable error) {
        Map<String, Object> status = new LinkedHashMap<>();
        status.put("namespace", "exception");
        status.put("code", error.getClass().getName());
        String message = String.valueOf(error.getMessage());
        if (error.getCause() instanceof NTLMException inner) {
            status.put("minor", String.valueOf(inner.errorCode()));
            message += ": " + inner.getMessage();
        }
        status.put("message", message);
        return status;
    }
}

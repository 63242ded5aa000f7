import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Speaks the Legwork adapter protocol for the SASL mechanism NTLM of OpenJDK: the loop, and JSON. */
public final class Adapter {
    /** The library has no way to do what was asked. */
    static final class Unsupported extends RuntimeException {
        Unsupported(String what) {
            super(what);
        }
    }

    static Map<String, Object> answer(Subject subject, Map<?, ?> request) {
        Map<String, Object> reply = new LinkedHashMap<>();
        reply.put("seq", request.get("seq"));
        try {
            reply.put("outcome", subject.operation(request));
        } catch (Unsupported missing) {
            reply.put("unsupported", Map.of("what", missing.getMessage()));
        } catch (RuntimeException error) {
            reply.put("fault", Map.of("message", error.toString()));
        }
        return reply;
    }

    public static void main(String[] arguments) throws Exception {
        // What the library prints goes to standard error; the protocol has standard output for itself.
        PrintStream protocol = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var subject = new Subject();
        for (String line; (line = input.readLine()) != null; ) {
            Map<?, ?> request = (Map<?, ?>) new Reader(line).value();
            protocol.print(write(answer(subject, request)) + "\n");
            protocol.flush();
            if ("bye".equals(request.get("op"))) break;
        }
    }

    /** JSON of maps, lists, strings, numbers, booleans and null. */
    static String write(Object value) {
        if (value instanceof Map<?, ?> map) {
            List<String> fields = new ArrayList<>();
            map.forEach((name, item) -> fields.add(write(name) + ":" + write(item)));
            return "{" + String.join(",", fields) + "}";
        }
        if (value instanceof List<?> list) return "[" + String.join(",", list.stream().map(Adapter::write).toList()) + "]";
        if (!(value instanceof String text)) return String.valueOf(value);
        StringBuilder out = new StringBuilder("\"");
        for (char unit : text.toCharArray()) {
            boolean plain = unit >= ' ' && unit <= '~' && unit != '"' && unit != '\\';
            out.append(plain ? String.valueOf(unit) : String.format("\\u%04x", (int) unit));
        }
        return out.append('"').toString();
    }

    /** Reads what {@link #write} writes; numbers are whole. */
    static final class Reader {
        private final String text;
        private int at;

        Reader(String text) {
            this.text = text;
        }

        private char next() {
            while (Character.isWhitespace(text.charAt(at))) at++;
            return text.charAt(at);
        }

        Object value() {
            switch (next()) {
                case '{': return map();
                case '[': return list();
                case '"': return string();
                default: return word();
            }
        }

        private Map<String, Object> map() {
            Map<String, Object> map = new LinkedHashMap<>();
            at++;
            while (next() != '}') {
                if (text.charAt(at) == ',') at++;
                next();
                String name = string();
                next();
                at++;
                map.put(name, value());
            }
            at++;
            return map;
        }

        private List<Object> list() {
            List<Object> list = new ArrayList<>();
            at++;
            while (next() != ']') {
                if (text.charAt(at) == ',') at++;
                list.add(value());
            }
            at++;
            return list;
        }

        private String string() {
            StringBuilder out = new StringBuilder();
            for (at++; text.charAt(at) != '"'; at++) {
                char unit = text.charAt(at);
                if (unit == '\\') {
                    unit = text.charAt(++at);
                    int control = "bfnrt".indexOf(unit);
                    if (control >= 0) unit = "\b\f\n\r\t".charAt(control);
                    if (unit == 'u') {
                        unit = (char) Integer.parseInt(text.substring(at + 1, at + 5), 16);
                        at += 4;
                    }
                }
                out.append(unit);
            }
            at++;
            return out.toString();
        }

        private Object word() {
            int from = at;
            while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
            String word = text.substring(from, at);
            return switch (word) {
                case "true" -> true;
                case "false" -> false;
                case "null" -> null;
                default -> word.matches("-?\\d+") ? (Object) Long.valueOf(word) : Double.valueOf(word);
            };
        }
    }
}

/*  The text of a block, or one that a block loads, as terms with their places. */

:- module(tea_text, [read_text/2, forget_heads/0, quotes_flag/1]).

:- use_module(library(lists), [append/3]).
:- use_module(answer).
:- use_module(guard).

:- dynamic own_head/2.          % Name, Arity of a rule in the texts of the block
:- dynamic quotes/1.            % an option of read_term/3 that the text asks for

%   read_text(+Text, -Terms): term(Term, Place, Inside, Anonymous, Line) or wrong(Offset, Message) each; Inside are the places
%   inside the term, Anonymous tells whether a variable in it has no name. The last full stop may be left out.

read_text(Text, Terms) :-
    read_terms(Text, Terms0),
    (   append(_, [wrong(_, end_of_file)], Terms0)
    ->  string_concat(Text, "\n.", Ended),
        read_terms(Ended, Terms)
    ;   Terms = Terms0
    ).

read_terms(Text, Terms) :-
    retractall(quotes(_)),
    setup_call_cleanup(open_string(Text, Stream), read_stream(Stream, Terms), close(Stream)).

read_stream(Stream, Terms) :-
    findall(Option, quotes(Option), Options),
    catch(read_term(Stream, Term,
                    [ module(tea_block), syntax_errors(error), variable_names(Names), subterm_positions(Inside),
                      term_position(Position)|Options ]),
          Error, true),
    (   nonvar(Error)
    ->  (   Error = error(syntax_error(Kind), stream(_, _, _, Offset))
        ->  syntax_message(Kind, Error, Message),
            Terms = [wrong(Offset, Message)|Rest],
            ( Message == end_of_file -> Rest = [] ; read_stream(Stream, Rest) )
        ;   throw(Error)
        )
    ;   Term == end_of_file
    ->  Terms = []
    ;   term_variables(Term, Variables),
        length(Variables, Count),
        length(Names, Named),
        ( Count > Named -> Anonymous = true ; Anonymous = false ),
        ( var(Inside) -> Start = 0, End = 0 ; arg(1, Inside, Start), arg(2, Inside, End) ),
        stream_position_data(line_count, Position, Line),
        Terms = [term(Term, Start-End, Inside, Anonymous, Line)|Rest],
        note_head(Term),
        reading_declaration(Term),
        read_stream(Stream, Rest)
    ).

syntax_message(end_of_file, _, end_of_file) :-
    !.
syntax_message(Kind, _, Message) :-
    catch(( phrase('$messages':syntax_error(Kind), Lines),
            with_output_to(string(Message0), print_message_lines(current_output, '', Lines)) ), _, fail),
    !,
    normalize_space(string(Message), Message0).
syntax_message(Kind, _, Message) :-
    term_text(Kind, Message).

note_head((Head :- _)) :- nonvar(Head), callable(Head), !, functor(Head, Name, Arity), note_own(Name, Arity).
note_head((Head --> _)) :- nonvar(Head), callable(Head), !, functor(Head, Name, Arity0), Arity is Arity0 + 2, note_own(Name, Arity).
note_head(_).

note_own(Name, Arity) :-
    (   own_head(Name, Arity)
    ->  true
    ;   assertz(own_head(Name, Arity))
    ).

forget_heads :-
    retractall(own_head(_, _)).

%   What changes how the rest of a text is read.

reading_declaration((:- op(Priority, Type, Names))) :-
    !,
    reading(op(Priority, Type, Names), tea_op(Priority, Type, Names)).
reading_declaration(op(Priority, Type, Names)) :-
    !,
    reading(op(Priority, Type, Names), tea_op(Priority, Type, Names)).
reading_declaration((:- set_prolog_flag(Flag, Value))) :-
    quotes_flag(Flag),
    atom(Value),
    !,
    Option =.. [Flag, Value],
    functor(General, Flag, 1),
    retractall(quotes(General)),
    assertz(quotes(Option)).
reading_declaration((:- use_module(library(Library)))) :-
    !,
    reading(use_module(library(Library)), use_module(library(Library))).
reading_declaration(_).

%   A mistake in it is reported when its turn comes.

reading(Directive, Goal) :-
    (   catch(permit_declaration(Directive), _, fail)
    ->  catch(ignore(tea_block:Goal), _, true)
    ;   true
    ).

%   As in a file, these flags count for the rest of a text; Prolog would set them for all of this process.

quotes_flag(double_quotes).
quotes_flag(back_quotes).
